using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Sets kernel settings in a container, and properties of its interface.</summary>
internal sealed class TuningPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        var previous = ChainedCall.Previous(call);
        var config = TuningConfig.Read(call);
        SysctlAllowList.Verify(config.Sysctls);
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var link = inside.FindLink(call.Environment.InterfaceName)
            ?? throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_IFNAME: there is no '{call.Environment.InterfaceName}' in {call.Environment.Namespace}");
        using var rollback = new Rollback(call.Host);
        var backup = TuningConfig.BackupOf(call);
        if (!config.IsEmpty)
        {
            rollback.Push("properties", () =>
            {
                Restore(inside, backup, call);
                backup.Delete();
            });
            backup.Save(TuningBackup.Before(call.Config.Name, config, link));
            inside.SetLink(link.Index, config.Change);
        }

        foreach (var (key, value, _) in config.Sysctls)
        {
            var before = Sysctl.Find(key, pod)
                ?? throw new CniException(CniErrorCode.InvalidNetworkConfig, $"sysctl: this kernel has no setting '{key}'");
            rollback.Push($"sysctl {key}", () => Sysctl.Write(key, before, pod));
            Write(key, value, pod);
        }

        var now = inside.GetLink(link.Index);
        rollback.Disarm();
        return previous with
        {
            Interfaces =
            [
                .. previous.Interfaces.Select(i => i.Name == link.Name && i.Sandbox.Length > 0
                    ? i with { Mac = now.Mac?.ToString() ?? i.Mac, Mtu = i.Mtu is null ? null : now.Mtu } : i),
            ],
        };
    }

    /// <summary>Refuses options that make no sense or are not allowed.</summary>
    public static void Verify(PluginCall call) => SysctlAllowList.Verify(TuningConfig.Read(call).Sysctls);

    public void Delete(PluginCall call)
    {
        var backup = TuningConfig.BackupOf(call);
        using (var pod = PodNamespace.Find(call.Environment))
        {
            if (pod is not null)
            {
                using var inside = RouteSocket.Open(pod);
                Restore(inside, backup, call);
            }
        }

        backup.Delete();
    }

    public void Check(PluginCall call)
    {
        var config = TuningConfig.Read(call);
        using var pod = PodNamespace.Open(call.Environment);
        foreach (var (key, value, _) in config.Sysctls)
        {
            if (Words(Sysctl.Find(key, pod)) is var now && now != Words(value))
            {
                throw PodInterface.Changed($"sysctl: {key} is '{now}', not '{value}'");
            }
        }

        using var inside = RouteSocket.Open(pod);
        var link = inside.FindLink(call.Environment.InterfaceName) ?? throw PodInterface.Changed($"'{call.Environment.InterfaceName}' is gone");
        var wanted = config.Change;
        foreach (var (field, differs) in (ReadOnlySpan<(string, bool)>)
            [
                ("mac", wanted.Mac is { } mac && mac != link.Mac),
                ("mtu", wanted.Mtu is { } mtu && mtu != link.Mtu),
                ("promisc", wanted.Promiscuous is { } promiscuous && promiscuous != link.Promiscuous),
                ("allmulti", wanted.AllMulticast is { } all && all != link.AllMulticast),
                ("txQLen", wanted.TxQueueLength is { } length && length != link.TxQueueLength),
            ])
        {
            if (differs)
            {
                throw PodInterface.Changed($"{field}: '{link.Name}' is not as it was set");
            }
        }
    }

    public void Status(PluginCall call) => SysctlAllowList.Verify(TuningConfig.Read(call).Sysctls);

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
        => TuningBackup.CollectGarbage(TuningConfig.DataFolderOf(call), call.Config.Name, valid);

    private static void Restore(RouteSocket inside, TuningBackup backup, PluginCall call)
    {
        if (backup.Load() is { } before && inside.FindLink(call.Environment.InterfaceName) is { } link)
        {
            inside.SetLink(link.Index, before);
        }
    }

    private static void Write(string key, string value, NetworkNamespace pod)
    {
        try
        {
            Sysctl.Write(key, value, pod);
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, $"sysctl: {key}: the kernel refuses '{value}': {e.Message}", inner: e);
        }
    }

    private static string Words(string? value) => string.Join(' ', value?.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries) ?? []);
}
