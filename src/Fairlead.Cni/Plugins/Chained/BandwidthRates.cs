using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>A rate and what may exceed it at once.</summary>
internal sealed record BandwidthRate(ulong BytesPerSecond, uint BurstBytes);

/// <summary>The options of <c>bandwidth</c>, in bits; the configuration's own, else the runtime's.</summary>
/// <param name="Ingress">Of what the container gets.</param>
/// <param name="Egress">Of what it sends.</param>
internal sealed record BandwidthRates(BandwidthRate? Ingress, BandwidthRate? Egress)
{
    private static readonly string[] s_fields = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];

    public bool IsEmpty => Ingress is null && Egress is null;

    public static BandwidthRates Read(NetworkConfig config)
    {
        foreach (var field in (ReadOnlySpan<string>)["shapedSubnets", "unshapedSubnets"])
        {
            if (config.Root[field].Items().Any())
            {
                throw CniException.NotImplemented(field, "leave it out: a rate holds for all that the container gets and sends");
            }
        }

        var node = s_fields.Any(field => config.Root[field].Exists) ? config.Root : config.Runtime["bandwidth"];
        return new BandwidthRates(ReadOne(node, "ingress"), ReadOne(node, "egress"));
    }

    private static BandwidthRate? ReadOne(ConfigNode node, string direction)
    {
        var (rateNode, burstNode) = (node[$"{direction}Rate"], node[$"{direction}Burst"]);
        var (rate, burst) = (Bits(rateNode), Bits(burstNode));
        if (rate == 0 && burst == 0)
        {
            return null;
        }

        if (rate == 0 || burst == 0)
        {
            throw (rate == 0 ? rateNode : burstNode).Fault("is missing: rate and burst belong together");
        }

        if (rate < 8)
        {
            throw rateNode.Fault($"{rate} bit/s is less than a byte a second");
        }

        return burst / 8 >= uint.MaxValue
            ? throw burstNode.Fault("is more than 4 GB")
            : new BandwidthRate(rate / 8, (uint)(burst / 8));
    }

    private static ulong Bits(ConfigNode node) => node.Exists ? (ulong)node.LongNumber(0) : 0;
}
