using System.CommandLine;
using Fairlead.Topology.Containers;

namespace Fairlead.Containers;

/// <summary>The options of <c>fairlead run</c>.</summary>
internal sealed class RunOptions
{
    private readonly Option<string> _network = new("--network") { Description = "none, host, bridge, or a network that was created", HelpName = "NETWORK", DefaultValueFactory = _ => NetworkNames.Bridge };
    private readonly Option<string?> _name = new("--name") { Description = "its name [default: one is made up]", HelpName = "NAME" };
    private readonly Option<bool> _detach = new("--detach", "-d") { Description = "run it in the background, keep its output, and print its id" };
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = "lead a port of the host to one of the container", HelpName = "[HOSTIP:][HOSTPORT:]PORT[/udp]" };
    private readonly Option<string[]> _dns = new("--dns") { Description = "a resolver in place of the host's", HelpName = "ADDRESS" };
    private readonly Option<string?> _hostName = new("--hostname") { Description = "what it calls itself [default: the first 12 digits of its id]", HelpName = "NAME" };
    private readonly Option<string[]> _alias = new("--network-alias") { Description = "a further name by which members of its network find it", HelpName = "NAME" };
    private readonly Option<string[]> _ip = new("--ip") { Description = "the address to have [default: the next free one]", HelpName = "ADDRESS" };
    private readonly Option<string[]> _env = new("--env", "-e") { Description = "a variable; without a value it is taken from here", HelpName = "NAME[=VALUE]" };
    private readonly Option<bool> _rm = new("--rm") { Description = "remove it once it has ended" };
    private readonly Option<bool> _explain = new("--explain") { Description = "print each of the eight steps as it is taken, beside the stock command" };
    private readonly Argument<string[]> _command = new("COMMAND") { Description = "the program and its arguments, after --", Arity = ArgumentArity.ZeroOrMore };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _network, _name, _detach, _publish, _dns, _hostName, _alias, _ip, _env, _rm, _explain })
        {
            command.Options.Add(option);
        }

        command.Arguments.Add(_command);
    }

    public bool Explain(ParseResult parsed) => parsed.GetValue(_explain);

    /// <exception cref="ContainerException">Something is in no form that is known.</exception>
    public ContainerOptions Read(ParseResult parsed) => new()
    {
        Command = parsed.GetValue(_command) ?? [],
        Network = parsed.GetValue(_network)!,
        Name = parsed.GetValue(_name),
        Detached = parsed.GetValue(_detach),
        Ports = [.. (parsed.GetValue(_publish) ?? []).SelectMany(p => PublishedPort.Parse(p))],
        Dns = parsed.GetValue(_dns) ?? [],
        HostName = parsed.GetValue(_hostName),
        Aliases = parsed.GetValue(_alias) ?? [],
        Addresses = parsed.GetValue(_ip) ?? [],
        Environment = Variables(parsed.GetValue(_env) ?? []),
        Remove = parsed.GetValue(_rm),
    };

    private static Dictionary<string, string> Variables(IEnumerable<string> words)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var word in words)
        {
            var (name, value) = word.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals ? (word[..equals], word[(equals + 1)..]) : (word, Environment.GetEnvironmentVariable(word));
            if (name.Length == 0)
            {
                throw ContainerException.Usage($"--env '{word}': use NAME=VALUE, or NAME to take it from here");
            }

            if (value is not null)
            {
                variables[name] = value;
            }
        }

        return variables;
    }
}
