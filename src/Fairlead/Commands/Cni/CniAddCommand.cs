using System.CommandLine;
using Fairlead.Cni.Protocol;
using Fairlead.CommandLine;
using Spectre.Console;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni add</c>: joins a namespace to a network.</summary>
internal sealed class CniAddCommand : CniVerb
{
    private readonly Argument<string> _namespace = NamespaceArgument();

    public CniAddCommand(TimeProvider time)
        : base("add", "Joins a network namespace to a network: runs the ADD of each plugin in order. If one fails, all is undone.", time)
    {
        Arguments.Add(_namespace);
        Common.AddAttachmentTo(this);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni add mynet red", "the namespace red of ip netns gets eth0"),
        ("fairlead cni add mynet /run/netns/red -o json", "the result as the plugins' JSON"),
        ("""fairlead cni add mynet red --cap-args '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'""", "and its port 80 is the host's 8080"),
    ];

    public static Argument<string> NamespaceArgument() => new("NETNS") { Description = "the container's network namespace: a path, or a name of ip netns" };

    protected override async Task CallAsync(ParseResult parsed, CancellationToken ct)
    {
        var runtime = Common.Runtime(parsed, Time);
        var attachment = Common.Attachment(parsed, parsed.GetValue(_namespace)!);
        var version = (await runtime.DescribeAsync(ct)).Version;
        var result = await runtime.AddAsync(attachment, ct);
        if (IsJson(parsed))
        {
            Console.Out.WriteLine(result.ToJson(version));
            return;
        }

        Write(People.Console(), result);
    }

    private static void Write(IAnsiConsole console, CniResult result)
    {
        Write(console, ["INTERFACE", "MAC", "WHERE"], result.Interfaces.Select(i => new[] { i.Name, Or(i.Mac), i.Sandbox.Length == 0 ? "host" : i.Sandbox }));
        Write(console, ["ADDRESS", "GATEWAY", "INTERFACE"], result.Addresses.Select(a => new[]
        {
            a.ToString(), a.Gateway?.ToString() ?? "-", a.Interface is { } index && index < result.Interfaces.Length ? result.Interfaces[index].Name : "-",
        }));
        Write(console, ["ROUTE", "BY"], result.Routes.Select(r => new[] { r.Destination.ToString(), r.Gateway?.ToString() ?? "the gateway" }));
        Write(console, ["NAME SERVER", "SEARCH"], result.Dns.NameServers.Select(n => new[] { n, Or(string.Join(' ', result.Dns.Search)) }));
    }

    private static void Write(IAnsiConsole console, string[] columns, IEnumerable<string[]> rows)
    {
        var table = PlainTable.Create(columns);
        foreach (var row in rows)
        {
            PlainTable.Row(table, row);
        }

        if (table.Rows.Count > 0)
        {
            console.Write(table);
        }
    }

    private static string Or(string text) => text.Length == 0 ? "-" : text;
}
