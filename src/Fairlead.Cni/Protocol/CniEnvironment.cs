using System.Collections.Immutable;

namespace Fairlead.Cni.Protocol;

/// <summary>The parameters that a runtime passes in the environment, checked.</summary>
/// <remarks>What the verb does not need may be empty: DEL must work without a namespace, GC and STATUS know no container.</remarks>
internal sealed record CniEnvironment(
    CniCommand Command,
    string ContainerId,
    string Namespace,
    string InterfaceName,
    CniArguments Arguments,
    ImmutableArray<string> Path)
{
    public static CniEnvironment Read(CniHost host)
    {
        string Variable(string name) => host.GetVariable(name) ?? "";

        var command = Variable("CNI_COMMAND") switch
        {
            "ADD" => CniCommand.Add,
            "DEL" => CniCommand.Del,
            "CHECK" => CniCommand.Check,
            "STATUS" => CniCommand.Status,
            "GC" => CniCommand.Gc,
            "VERSION" => CniCommand.Version,
            "" => throw Missing("CNI_COMMAND"),
            var other => throw Invalid("CNI_COMMAND", $"'{other}' is no command"),
        };
        if (command == CniCommand.Version)
        {
            return new CniEnvironment(command, "", "", "", CniArguments.None, []);
        }

        var forContainer = command is CniCommand.Add or CniCommand.Del or CniCommand.Check;
        var inNamespace = command is CniCommand.Add or CniCommand.Check;
        var missing = new List<string>();
        string Needed(string name, bool needed)
        {
            var value = Variable(name);
            if (value.Length == 0 && needed)
            {
                missing.Add(name);
            }

            return value;
        }

        var id = Needed("CNI_CONTAINERID", forContainer);
        var netns = Needed("CNI_NETNS", inNamespace);
        var interfaceName = Needed("CNI_IFNAME", forContainer);
        var path = Needed("CNI_PATH", true);
        if (missing.Count > 0)
        {
            throw Missing(string.Join(", ", missing));
        }

        if (forContainer && !CniNames.IsName(id))
        {
            throw Invalid("CNI_CONTAINERID", $"'{id}' holds characters that a container id may not");
        }

        if (forContainer && CniNames.InterfaceNameFault(interfaceName) is { } fault)
        {
            throw Invalid("CNI_IFNAME", $"'{interfaceName}' {fault}");
        }

        return new CniEnvironment(
            command, id, netns, interfaceName, CniArguments.Parse(Variable("CNI_ARGS")),
            [.. path.Split(':', StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static CniException Missing(string names)
        => new(CniErrorCode.InvalidEnvironment, $"required environment variables are missing: {names}");

    private static CniException Invalid(string name, string fault) => new(CniErrorCode.InvalidEnvironment, $"{name}: {fault}");
}
