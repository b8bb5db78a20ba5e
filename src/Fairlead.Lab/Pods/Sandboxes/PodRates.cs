using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Sandboxes;

/// <summary>The rates of a pod's network by its annotations, as the capability <c>bandwidth</c> of CNI.</summary>
internal static class PodRates
{
    private const string Ingress = "kubernetes.io/ingress-bandwidth";
    private const string Egress = "kubernetes.io/egress-bandwidth";

    /// <summary>What kubelet takes: from a kilobit to a petabit a second.</summary>
    private const decimal Smallest = 1e3m;
    private const decimal Largest = 1e15m;

    /// <summary>Bits that may come at once: a tenth of a second's. (containerd's 4 Gbit would let the first half gigabyte through at any rate.)</summary>
    private const decimal SmallestBurst = 256e3m;
    private const decimal LargestBurst = uint.MaxValue;

    /// <summary>Null where the pod says nothing of rates.</summary>
    /// <exception cref="LabException">What it says is none.</exception>
    public static JsonObject? Of(Pod pod)
    {
        var rates = new JsonObject();
        Add(rates, "ingress", pod, Ingress);
        Add(rates, "egress", pod, Egress);
        return rates.Count == 0 ? null : rates;
    }

    private static void Add(JsonObject rates, string direction, Pod pod, string annotation)
    {
        if (pod.Metadata.Annotations.Find(annotation) is not { } text)
        {
            return;
        }

        if (!Quantity.TryParse(text, out var rate) || rate is < Smallest or > Largest)
        {
            throw new LabException($"annotation {annotation}: {text} is no rate from 1k to 1P, in bits a second", "write it as 10M, say");
        }

        rates[$"{direction}Rate"] = (long)rate;
        rates[$"{direction}Burst"] = (long)Math.Clamp(rate / 10, SmallestBurst, LargestBurst);
    }
}
