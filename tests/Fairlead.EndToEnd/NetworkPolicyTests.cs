using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>The document about network policy, tried on a lab.</summary>
public sealed class NetworkPolicyTests(RunningLab lab) : IClassFixture<RunningLab>
{
    [Fact]
    public async Task The_bakery_serves_customers_and_nobody_else()
    {
        (await lab.Host.Sh("kubectl apply -f examples/network-policy")).Ok();
        (await lab.Host.Sh("kubectl wait -n bakery pod/customer pod/stranger --for=jsonpath='{.status.phase}'=Succeeded --timeout=90s")).Ok();

        Assert.Contains("closed               <none>", (await lab.Host.Sh("kubectl get networkpolicy -n bakery")).Ok(), StringComparison.Ordinal);
        Assert.Contains("bread", (await lab.Host.Sh("kubectl logs -n bakery customer")).Ok(), StringComparison.Ordinal);
        Assert.Contains("the oven does not answer me", (await lab.Host.Sh("kubectl logs -n bakery stranger")).Ok(), StringComparison.Ordinal);
        (await lab.Host.Sh("kubectl delete namespace bakery")).Ok();
    }

    [Fact]
    public async Task A_policy_that_cannot_be_says_so_on_itself()
    {
        const string Policy = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: empty-peer}
            spec:
              podSelector: {matchLabels: {app: nobody}}
              ingress: [{from: [{}]}]
            """;
        var applied = await lab.Host.Sh("kubectl apply -f -", Policy);
        Assert.NotEqual(0, applied.ExitCode);
        Assert.Contains("must specify a peer", applied.ToString(), StringComparison.Ordinal);
    }
}
