using System.CommandLine;
using System.Globalization;
using Fairlead.CommandLine;
using Fairlead.Topology;
using Fairlead.Topology.Views;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net show</c>: a host's network as it is.</summary>
internal sealed class NetShowCommand : FairleadCommand
{
    private readonly Argument<string?> _host = new("HOST") { Description = $"{NetHost.Description}; the machine where left out", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int?> _process = new("--pid") { Description = "the namespace of a process, as of a container", HelpName = "N" };
    private readonly Option<string> _output = OutputFormat.Option();

    public NetShowCommand()
        : base("show", "Shows interfaces, routes, neighbours, forwarding and NAT rules of the machine or of any namespace on it, whoever made it.")
    {
        Arguments.Add(_host);
        Options.Add(_process);
        Options.Add(_output);
        SetAction(Run);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net show", "the machine itself"),
        ("fairlead net show red", "a host of a topology, or a namespace that somebody made with ip netns"),
        ("fairlead net show --pid 4711 -o json", "a container by one of its processes, for a program"),
    ];

    private int Run(ParseResult parsed)
    {
        var host = parsed.GetValue(_process) is { } id ? string.Create(CultureInfo.InvariantCulture, $"pid:{id}") : parsed.GetValue(_host);
        if (host is not null and not TopologyHost.Machine)
        {
            NetFile.RequireRights($"show {host}", "CAP_SYS_ADMIN");
        }

        using var network = NetHost.Open(host);
        var view = HostViewReader.Read(host ?? TopologyHost.Machine, network);
        if (parsed.GetValue(_output) == "json")
        {
            Console.Out.WriteLine(view.ToJson());
            return ExitCode.Done;
        }

        HostViewTables.Write(People.Console(), view);
        if (Privileges.Missing("CAP_NET_ADMIN") is { } missing)
        {
            Console.Error.WriteLine($"note: rules are shown only to who has {missing}");
        }

        return ExitCode.Done;
    }
}
