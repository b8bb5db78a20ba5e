using Fairlead.CommandLine;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni</c>: the runtime side of CNI by hand.</summary>
internal sealed class CniCommand : FairleadCommand
{
    public CniCommand(TimeProvider time)
        : base("cni", "Joins network namespaces to CNI networks as a container runtime does, with any plugins, and says what a network's plugins do.")
    {
        Subcommands.Add(new CniAddCommand(time));
        Subcommands.Add(new CniDelCommand(time));
        Subcommands.Add(new CniCheckCommand(time));
        Subcommands.Add(new CniStatusCommand(time));
        Subcommands.Add(new CniGcCommand(time));
        Subcommands.Add(new CniExplainCommand(time));
        Subcommands.Add(new CniInstallCommand());
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni install /opt/cni/bin", "puts Fairlead's plugins there, each a link to one executable"),
        ("fairlead cni explain mynet", "what each plugin of a network would do"),
        ("fairlead cni add mynet red", "joins the namespace red of `ip netns` to it"),
        ("fairlead cni del mynet red", "and takes it out again"),
    ];
}
