using System.CommandLine;
using System.Globalization;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni explain</c>: what each plugin of a network would do.</summary>
internal sealed class CniExplainCommand : CniVerb
{
    public CniExplainCommand(TimeProvider time)
        : base("explain", "Says what each plugin of a network would do for a container: namespace, veth, bridge, attach, address, up, masquerade. Changes nothing.", time)
    {
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni explain mynet", "one line a step"),
        ("fairlead cni explain mynet --conf-dir ./net.d -o json", "of a file that is not installed yet, for a program"),
    ];

    protected override async Task CallAsync(ParseResult parsed, CancellationToken ct)
    {
        var network = await Common.Runtime(parsed, Time).DescribeAsync(ct);
        if (IsJson(parsed))
        {
            Console.Out.WriteLine(CniNetworkJson.Write(network));
            return;
        }

        Console.Out.WriteLine($"network {network.Name}: CNI {network.Version}, {network.File}");
        foreach (var (plugin, index) in network.Plugins.Select((plugin, index) => (plugin, index)))
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{index + 1}. {plugin.Type} ({plugin.Executable ?? "not found"})"));
            foreach (var step in plugin.Steps)
            {
                Console.Out.WriteLine($"   {step.Word,-11}{step.What}");
            }
        }
    }
}
