using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Makes sure that a named counter, quota or limit exists.</summary>
public sealed record AddObject(NftObject Object) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewObject, NetlinkFlags.Create);
        w.Attribute(NftConstants.ObjectName, Object.Name);
        w.BigEndian(NftConstants.ObjectType, Object.Type);
        var data = w.BeginNested(NftConstants.ObjectData);
        Object.Write(ref w);
        w.EndNested(data);
        WriteComment(ref w, NftConstants.ObjectUserData, Object.Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"add {Object.Kind} {table} {Object.Name} {{ {Object.Words};{CommentText(Object.Comment, after: ";")} }}";
}

/// <summary>Removes a named counter, quota or limit that no rule uses.</summary>
public sealed record DeleteObject(NftObject Object) : NftOperation
{
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = BeginRemoval(encoder, NftConstants.DelObject, NftConstants.DestroyObject, IfThere);
        w.Attribute(NftConstants.ObjectName, Object.Name);
        w.BigEndian(NftConstants.ObjectType, Object.Type);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"{RemovalWord(IfThere)} {Object.Kind} {table} {Object.Name}";
}

/// <summary>Connections that bypass the rest of the kernel's way between these interfaces, once a rule puts them there (<see cref="Act.Offload"/>).</summary>
public sealed record NftFlowtable(string Name, int Priority, ValueArray<string> Devices);

/// <summary>Makes sure that a flowtable exists. A kernel without the feature (CONFIG_NF_FLOW_TABLE) refuses it.</summary>
public sealed record AddFlowtable(NftFlowtable Flowtable) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewFlowtable, NetlinkFlags.Create);
        w.Attribute(NftConstants.FlowtableName, Flowtable.Name);
        var hook = w.BeginNested(NftConstants.FlowtableHook);
        w.BigEndian(NftConstants.HookNumber, 0u);
        w.BigEndian(NftConstants.HookPriority, (uint)Flowtable.Priority);
        NftHooks.WriteDeviceList(ref w, Flowtable.Devices);
        w.EndNested(hook);
        encoder.Batch.End(w);
    }

    internal override string Render(string table)
        => Text($"add flowtable {table} {Flowtable.Name} {{ hook ingress priority {Flowtable.Priority}; devices = {{ {string.Join(", ", Flowtable.Devices.Items.Select(d => $"\"{d}\""))} }}; }}");
}

/// <summary>Removes a flowtable that no rule uses.</summary>
public sealed record DeleteFlowtable(string Name) : NftOperation
{
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = BeginRemoval(encoder, NftConstants.DelFlowtable, NftConstants.DestroyFlowtable, IfThere);
        w.Attribute(NftConstants.FlowtableName, Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"{RemovalWord(IfThere)} flowtable {table} {Name}";
}
