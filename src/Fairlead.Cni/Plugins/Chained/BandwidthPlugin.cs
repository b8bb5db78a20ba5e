using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Holds a container to rates: what it gets on the host's end of its cable, what it sends on an interface that this is led to.</summary>
internal sealed class BandwidthPlugin : IPlugin
{
    private const string NamePrefix = "bwp"; // the reference's
    private static readonly TimeSpan s_latency = TimeSpan.FromMilliseconds(25); // the reference's

    public CniResult Add(PluginCall call)
    {
        var previous = ChainedCall.Previous(call);
        var rates = BandwidthRates.Read(call.Config);
        if (rates.IsEmpty)
        {
            return previous;
        }

        using var host = RouteSocket.Open();
        var cable = ChainedCall.GetCable(call, host) ?? throw NoCable();
        var mark = AttachmentMark.Of(call);
        using var rollback = new Rollback(call.Host);
        rollback.Push("rates", () => Remove(host, mark, cable));
        try
        {
            if (rates.Ingress is { } ingress)
            {
                PodInterface.Apply(host, [new SetTokenBucket(cable.Index, BucketOf(ingress, cable))]);
            }

            if (rates.Egress is { } egress)
            {
                var detour = CreateDetour(host, mark, cable);
                PodInterface.Apply(host, [new SetTokenBucket(detour.Index, BucketOf(egress, cable)), new AddIngress(cable.Index)]);
                if (host.FindIngressRedirection(cable.Index) != detour.Index)
                {
                    PodInterface.Apply(host, [new RedirectIngress(cable.Index, detour.Index)]);
                }

                previous = previous with { Interfaces = previous.Interfaces.Add(new CniInterface(detour.Name, detour.Mac?.ToString() ?? "", Mtu: detour.Mtu)) };
            }
        }
        catch (CniException e) when (e.InnerException is LinuxException { Errno: Errno.NoEntry or Errno.NotSupported })
        {
            throw new CniException(CniErrorCode.UnsupportedField, $"bandwidth: {e.Message}", inner: e);
        }

        rollback.Disarm();
        return previous;
    }

    public void Delete(PluginCall call)
    {
        using var host = RouteSocket.Open();
        Remove(host, AttachmentMark.Of(call), ChainedCall.FindCable(call, host));
        if (host.FindLink(ReferenceRules.Detour(call)) is { Kind: "ifb" } reference)
        {
            host.TryDeleteLink(reference.Name);
        }
    }

    public void Check(PluginCall call)
    {
        var rates = BandwidthRates.Read(call.Config);
        using var host = RouteSocket.Open();
        var cable = ChainedCall.GetCable(call, host) ?? throw PodInterface.Changed(NoCable().Message);
        if (rates.Ingress is { } ingress)
        {
            Verify(host, cable, ingress);
        }

        if (rates.Egress is { } egress)
        {
            var detour = host.FindLink(NameOf(AttachmentMark.Of(call))) ?? throw PodInterface.Changed($"'{NameOf(AttachmentMark.Of(call))}', which held the egress rate, is gone");
            Verify(host, detour, egress);
            if (host.FindIngressRedirection(cable.Index) != detour.Index)
            {
                throw PodInterface.Changed($"what '{cable.Name}' gets is not led to '{detour.Name}' any more");
            }
        }
    }

    public void Status(PluginCall call)
    {
        _ = BandwidthRates.Read(call.Config);
        using var host = RouteSocket.Open();
        KernelFeatures.Need(host, new IfbSpec(""));
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid) => HostCable.CollectGarbage("ifb", call.Config.Name, valid);

    private static string NameOf(AttachmentMark mark) => NamePrefix + mark.Hash();

    private static Link CreateDetour(RouteSocket host, AttachmentMark mark, Link cable)
    {
        var name = NameOf(mark);
        if (host.FindLink(name) is { Kind: "ifb" } old && (old.Alias is null || mark.IsSameAs(AttachmentMark.OfAlias(old.Alias))))
        {
            host.TryDeleteLink(name);
        }

        var link = host.CreateIfb(new IfbSpec(name) { Mtu = cable.Mtu });
        host.SetLink(link.Index, new LinkChange { Alias = mark.Alias, Up = true });
        return link;
    }

    private static void Remove(RouteSocket host, AttachmentMark mark, Link? cable)
    {
        if (host.FindLink(NameOf(mark)) is { Kind: "ifb" } detour)
        {
            host.TryDeleteLink(detour.Name);
        }

        if (cable is null)
        {
            return; // and all that hung on it
        }

        foreach (var qdisc in host.Qdiscs(cable.Index).Where(q => q.Kind is "tbf" or "ingress"))
        {
            host.Apply(new DeleteQdisc(cable.Index, qdisc.Parent));
        }
    }

    private static void Verify(RouteSocket host, Link link, BandwidthRate rate)
    {
        var bucket = host.Qdiscs(link.Index).FirstOrDefault(q => q is { Kind: "tbf", Parent: Qdisc.Root })?.Bucket;
        if (bucket?.BytesPerSecond != rate.BytesPerSecond)
        {
            throw PodInterface.Changed($"'{link.Name}' is held to {(bucket is null ? "no rate" : $"{bucket.BytesPerSecond * 8} bit/s")}, not to {rate.BytesPerSecond * 8} bit/s");
        }
    }

    /// <summary>A bucket smaller than a frame would let none through.</summary>
    private static TokenBucket BucketOf(BandwidthRate rate, Link cable)
    {
        const int FrameHeader = 18; // Ethernet with a VLAN tag
        return TokenBucket.WithLatency(rate.BytesPerSecond, Math.Max(rate.BurstBytes, (uint)(cable.Mtu + FrameHeader)), s_latency);
    }

    private static CniException NoCable() => new(CniErrorCode.InvalidNetworkConfig, "bandwidth: the container's interface has no other end on the host (it is no veth pair's)");
}
