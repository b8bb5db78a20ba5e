using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>A setting of the container's namespace.</summary>
/// <param name="Key">Its path under /proc/sys.</param>
/// <param name="Value">What to write.</param>
/// <param name="Text">The key as the configuration has it.</param>
internal sealed record TuningSetting(string Key, string Value, string Text);

/// <summary>The options of <c>tuning</c>: the configuration's, the runtime's in their place, and those of <c>args.cni</c> in the place of both.</summary>
/// <param name="Sysctls">Settings of the container's namespace.</param>
/// <param name="Change">Properties of its interface.</param>
internal sealed record TuningConfig(ImmutableArray<TuningSetting> Sysctls, LinkChange Change)
{
    private const string DefaultDataFolder = "/run/cni/tuning";
    private const string InterfacePlaceholder = "IFNAME";

    public bool IsEmpty => Change == new LinkChange();

    public static TuningConfig Read(PluginCall call)
    {
        var (root, arguments) = (call.Config.Root, call.Config.CniArgs);
        call.Environment.Arguments.RefuseUnknown("MAC");
        ConfigNode Of(string field) => arguments[field].Exists ? arguments[field] : root[field];
        return new TuningConfig(
            Settings(root["sysctl"], arguments["sysctl"], call.Environment.InterfaceName),
            new LinkChange
            {
                Mac = Mac(call, arguments["mac"]),
                Promiscuous = Of("promisc").Flag() ? true : null,
                Mtu = LinkMtu.Read(Of("mtu")),
                AllMulticast = Of("allmulti") is { Exists: true } all ? all.Flag() : null,
                TxQueueLength = Of("txQLen").Number(0, int.MaxValue),
            });
    }

    /// <summary>Where the properties as they were are kept until DEL. It asks for nothing else: DEL must work where an ADD was refused.</summary>
    public static string DataFolderOf(PluginCall call) => call.Config.Root["dataDir"].Text() is { Length: > 0 } folder ? folder : DefaultDataFolder;

    public static TuningBackup BackupOf(PluginCall call) => new(DataFolderOf(call), call.Attachment);

    /// <summary>Other plugins take the runtime's before that of <c>args.cni</c>; this one has it the other way, as the reference does.</summary>
    private static MacAddress? Mac(PluginCall call, ConfigNode argument)
        => argument.Text().Length > 0 ? RequestedMac.Parse(argument) : RequestedMac.Read(call, "mac");

    private static ImmutableArray<TuningSetting> Settings(ConfigNode own, ConfigNode arguments, string interfaceName)
    {
        var settings = ImmutableArray.CreateBuilder<TuningSetting>();
        foreach (var (text, node) in own.Properties())
        {
            if (settings.Any(s => s.Text == text))
            {
                throw node.Fault("is there twice");
            }

            settings.Add(new(KeyOf(text, node, interfaceName), node.Text(), text));
        }

        foreach (var (text, node) in arguments.Properties())
        {
            settings.RemoveAll(s => s.Text == text);
            settings.Add(new(KeyOf(text, node, interfaceName), node.Text(), text));
        }

        return settings.ToImmutable();
    }

    /// <summary>Dots part the words of a key, but where there are slashes, because the names of interfaces may hold dots.</summary>
    private static string KeyOf(string text, ConfigNode node, string interfaceName)
    {
        var words = text.Split(text.Contains('/', StringComparison.Ordinal) ? '/' : '.').Select(w => w == InterfacePlaceholder ? interfaceName : w).ToList();
        return words is ["net", _, ..] && words.All(w => w.Length > 0 && w is not ("." or "..") && w.All(c => c is > ' ' and <= '~' and not '/'))
            ? string.Join('/', words)
            : throw node.Fault($"'{text}' is no setting of a network namespace: those begin with net.");
    }
}
