using System.Collections.Immutable;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Launcher;

/// <summary>Reads a specification: what it leaves out has the record's default, and what it has too much is a fault that names the field.</summary>
/// <remarks>Not the JSON library's own reader: made at compile time, it sets what is left out to zero instead of to the record's default.</remarks>
internal static class PodLaunchReader
{
    public static PodLaunchSpec Read(ConfigNode node)
    {
        Know(
            node, "command", "root", "mounts", "hostName", "environment", "workingDirectory", "userId", "groupId", "groups", "capabilities",
            "privileged", "noNewPrivileges", "readOnlyRoot");
        var absent = new PodLaunchSpec { Command = [] };
        return new PodLaunchSpec
        {
            Command = [.. node["command"].Texts()],
            Root = Root(node["root"]),
            Mounts = [.. node["mounts"].Items().Select(Mount)],
            HostName = node["hostName"].Text() is { Length: > 0 } name ? name : null,
            Environment = node["environment"].Properties().ToImmutableDictionary(p => p.Key, p => p.Value.Text(), StringComparer.Ordinal),
            WorkingDirectory = node["workingDirectory"].Text(absent.WorkingDirectory),
            UserId = Id(node["userId"]),
            GroupId = Id(node["groupId"]),
            Groups = [.. node["groups"].Items().Select(Id)],
            Capabilities = node["capabilities"].Exists ? [.. node["capabilities"].Texts()] : absent.Capabilities,
            Privileged = node["privileged"].Flag(),
            NoNewPrivileges = node["noNewPrivileges"].Flag(),
            ReadOnlyRoot = node["readOnlyRoot"].Flag(),
        };
    }

    private static PodRoot Root(ConfigNode node)
    {
        Know(node, "lower", "size", "scratch", "hidden");
        var absent = new PodRoot();
        return new PodRoot
        {
            Lower = node["lower"].Text(absent.Lower),
            Size = node["size"].Exists ? node["size"].LongNumber(1) : absent.Size,
            Scratch = node["scratch"].Text(absent.Scratch),
            Hidden = [.. node["hidden"].Texts()],
        };
    }

    private static PodMount Mount(ConfigNode node)
    {
        Know(node, "type", "source", "target", "readOnly", "options");
        var type = node["type"].Text(nameof(PodMountType.Bind));
        return new PodMount
        {
            Type = Enum.TryParse<PodMountType>(type, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed)
                ? parsed
                : throw node["type"].Fault($"'{type}' is no kind of mount; there are {string.Join(", ", Enum.GetNames<PodMountType>())}"),
            Source = node["source"].Text(),
            Target = node["target"].Text() is { Length: > 0 } target ? target : throw node["target"].Fault("is missing"),
            ReadOnly = node["readOnly"].Flag(),
            Options = node["options"].Text(),
        };
    }

    private static uint Id(ConfigNode node) => node.Exists ? (uint)Math.Min(node.LongNumber(0), uint.MaxValue - 1) : 0;

    private static void Know(ConfigNode node, params string[] names)
    {
        foreach (var (key, value) in node.Properties())
        {
            if (!names.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                throw value.Fault("is not known here");
            }
        }
    }
}
