using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Fairlead.CommandLine;
using Fairlead.Containers;
using Fairlead.Topology.Containers;

namespace Fairlead.Commands;

/// <summary><c>fairlead network</c>: the networks of containers.</summary>
internal sealed class NetworkCommand : FairleadCommand
{
    public NetworkCommand(TimeProvider time)
        : base("network", "The networks of containers: bridges on this host.")
    {
        Subcommands.Add(new CreateCommand(time));
        Subcommands.Add(new ListCommand(time));
        Subcommands.Add(new InspectCommand(time));
        Subcommands.Add(new RemoveCommand(time));
    }

    private sealed class CreateCommand : FairleadCommand
    {
        private readonly Argument<string> _name = new("NAME") { Description = "its name" };
        private readonly Option<IPNetwork[]> _subnets = Ranges("--subnet", "the range of addresses [default: one that meets nothing here]");
        private readonly Option<IPAddress[]> _gateways = new("--gateway") { Description = "the bridge's address [default: the first]", HelpName = "ADDRESS", CustomParser = Addresses };
        private readonly Option<IPNetwork[]> _pools = Ranges("--ip-range", "the part that containers get theirs from");
        private readonly Option<bool> _internal = new("--internal") { Description = "nothing gets in or out" };
        private readonly Option<bool> _ipv6 = new("--ipv6") { Description = "IPv6 too; a range is drawn where none is given" };
        private readonly Option<string[]> _labels = new("--label") { Description = "what you want to remember", HelpName = "KEY=VALUE" };
        private readonly TimeProvider _time;

        public CreateCommand(TimeProvider time)
            : base("create", "Creates a network. Its members find each other by name, and other networks do not reach them.")
        {
            _time = time;
            Arguments.Add(_name);
            foreach (Option option in new Option[] { _subnets, _gateways, _pools, _internal, _ipv6, _labels })
            {
                Options.Add(option);
            }

            SetAction(RunAsync);
        }

        public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [
            ("fairlead network create shop", "a network with a range of its own"),
            ("fairlead network create --subnet 10.88.0.0/24 --gateway 10.88.0.254 lab", "with a range of yours"),
            ("fairlead network create --internal --ipv6 back", "with IPv6, and without a way out"),
        ];

        private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
        {
            var network = await ContainerRole.Networks(_time).CreateAsync(
                new NetworkOptions(parsed.GetValue(_name)!)
                {
                    Subnets = parsed.GetValue(_subnets) ?? [],
                    Gateways = parsed.GetValue(_gateways) ?? [],
                    Pools = parsed.GetValue(_pools) ?? [],
                    Internal = parsed.GetValue(_internal),
                    IPv6 = parsed.GetValue(_ipv6),
                    Labels = (parsed.GetValue(_labels) ?? []).Select(l => l.Split('=', 2)).GroupBy(l => l[0], StringComparer.Ordinal)
                        .ToDictionary(l => l.Key, l => l.Last().ElementAtOrDefault(1) ?? "", StringComparer.Ordinal),
                },
                ct);
            Console.Out.WriteLine(network.Id);
            return ExitCode.Done;
        }

        private static Option<IPNetwork[]> Ranges(string name, string description) => new(name)
        {
            Description = description,
            HelpName = "RANGE",
            CustomParser = result => [.. result.Tokens.Select(t =>
            {
                if (IPNetwork.TryParse(t.Value, out var range) && t.Value.Split('/') is [var first, _] && range.BaseAddress.Equals(IPAddress.Parse(first)))
                {
                    return range;
                }

                result.AddError($"{name} '{t.Value}' is not a range whose host bits are zero, such as 10.88.0.0/24");
                return default;
            })],
        };

        private static IPAddress[] Addresses(ArgumentResult result) => [.. result.Tokens.Select(t =>
        {
            if (IPAddress.TryParse(t.Value, out var address))
            {
                return address;
            }

            result.AddError($"--gateway '{t.Value}' is not an address");
            return IPAddress.None;
        })];
    }

    private sealed class ListCommand : FairleadCommand
    {
        private readonly Option<string> _output = OutputFormat.Option();
        private readonly TimeProvider _time;

        public ListCommand(TimeProvider time)
            : base("ls", "Lists networks.")
        {
            _time = time;
            Options.Add(_output);
            SetAction(RunAsync);
        }

        public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead network ls", "those that are always there, and those that were created")];

        private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
        {
            var containers = await ContainerRole.Engine(_time).ListAsync(ct);
            var networks = ContainerRole.Networks(_time).List();
            if (parsed.GetValue(_output) == "json")
            {
                Console.Out.WriteLine(NetworkView.ToJson(networks, containers));
            }
            else
            {
                NetworkView.Write(People.Console(), networks, containers);
            }

            return ExitCode.Done;
        }
    }

    private sealed class InspectCommand : FairleadCommand
    {
        private readonly Argument<string[]> _names = new("NETWORK") { Description = "name, id, or the beginning of an id", Arity = ArgumentArity.OneOrMore };
        private readonly TimeProvider _time;

        public InspectCommand(TimeProvider time)
            : base("inspect", "Shows all of networks as JSON, as Docker does.")
        {
            _time = time;
            Arguments.Add(_names);
            SetAction(RunAsync);
        }

        public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead network inspect shop", "ranges, bridge and members")];

        private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
        {
            var containers = await ContainerRole.Engine(_time).ListAsync(ct);
            var networks = ContainerRole.Networks(_time);
            Console.Out.WriteLine(NetworkView.ToJson([.. parsed.GetValue(_names)!.Select(networks.Get)], containers));
            return ExitCode.Done;
        }
    }

    private sealed class RemoveCommand : FairleadCommand
    {
        private readonly Argument<string[]> _names = new("NETWORK") { Description = "name, id, or the beginning of an id", Arity = ArgumentArity.OneOrMore };
        private readonly TimeProvider _time;

        public RemoveCommand(TimeProvider time)
            : base("rm", "Removes networks that no running container is in.")
        {
            _time = time;
            Arguments.Add(_names);
            SetAction((parsed, ct) => ContainerArgument.EachAsync(parsed.GetValue(_names)!, name => ContainerRole.Networks(_time).RemoveAsync(name, ct)));
        }

        public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead network rm shop", "its bridge and rules go with it")];
    }
}
