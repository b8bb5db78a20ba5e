using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>The options of <c>tuning</c>.</summary>
/// <param name="Sysctls">Settings of the container's namespace, as paths under /proc/sys.</param>
/// <param name="Change">Properties of its interface.</param>
internal sealed record TuningConfig(ImmutableArray<(string Key, string Value)> Sysctls, LinkChange Change)
{
    private const string DefaultDataFolder = "/run/cni/tuning";
    private const string InterfacePlaceholder = "IFNAME";

    public bool IsEmpty => Change == new LinkChange();

    public static TuningConfig Read(PluginCall call)
    {
        var root = call.Config.Root;
        call.Environment.Arguments.RefuseUnknown("MAC");
        return new TuningConfig(
            [.. root["sysctl"].Properties().Select(p => (KeyOf(p.Key, p.Value, call.Environment.InterfaceName), p.Value.Text()))],
            new LinkChange
            {
                Mac = RequestedMac.Read(call, "mac"),
                Promiscuous = root["promisc"].Flag() ? true : null,
                Mtu = LinkMtu.Read(root["mtu"]),
                AllMulticast = root["allmulti"].Exists ? root["allmulti"].Flag() : null,
                TxQueueLength = root["txQLen"].Number(0, int.MaxValue),
            });
    }

    /// <summary>Where the properties as they were are kept until DEL. It asks for nothing else: DEL must work where an ADD was refused.</summary>
    public static string DataFolderOf(PluginCall call) => call.Config.Root["dataDir"].Text() is { Length: > 0 } folder ? folder : DefaultDataFolder;

    public static TuningBackup BackupOf(PluginCall call) => new(DataFolderOf(call), call.Attachment);

    /// <summary>Dots part the words of a key, but where there are slashes, because the names of interfaces may hold dots.</summary>
    private static string KeyOf(string text, ConfigNode node, string interfaceName)
    {
        var words = text.Split(text.Contains('/', StringComparison.Ordinal) ? '/' : '.').Select(w => w == InterfacePlaceholder ? interfaceName : w).ToList();
        return words is ["net", _, ..] && words.All(w => w.Length > 0 && w is not ("." or "..") && w.All(c => c is > ' ' and <= '~' and not '/'))
            ? string.Join('/', words)
            : throw node.Fault($"'{text}' is no setting of a network namespace: those begin with net.");
    }
}
