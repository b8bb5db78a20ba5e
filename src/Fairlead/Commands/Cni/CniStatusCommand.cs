using System.CommandLine;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni status</c>: asks whether a network could take a container now.</summary>
internal sealed class CniStatusCommand : CniVerb
{
    /// <summary>Taken so that one form of words does for every verb; plugins are asked for no container's.</summary>
    private readonly Argument<string?> _namespace = new("NETNS") { Description = "not used: the question is the same for every container", Arity = ArgumentArity.ZeroOrOne };

    public CniStatusCommand(TimeProvider time)
        : base("status", "Asks whether a network could take a container now: whether its plugins are there, and from CNI 1.1.0 on what they say themselves.", time)
        => Arguments.Add(_namespace);

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead cni status mynet", "ends with 1 and the reason where it could not")];

    protected override async Task CallAsync(ParseResult parsed, CancellationToken ct)
    {
        var runtime = Common.Runtime(parsed, Time);
        var network = await runtime.DescribeAsync(ct);
        await runtime.StatusAsync(ct);
        if (IsJson(parsed))
        {
            Console.Out.WriteLine(CniNetworkJson.Write(network, ready: true));
            return;
        }

        Console.Out.WriteLine($"network {network.Name} is ready: CNI {network.Version}, plugins {string.Join(", ", network.Plugins.Select(p => p.Type))}");
    }
}
