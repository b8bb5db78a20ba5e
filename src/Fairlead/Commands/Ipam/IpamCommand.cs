using Fairlead.CommandLine;

namespace Fairlead.Commands.Ipam;

/// <summary><c>fairlead ipam</c>: which node has which pod addresses, and what is wrong with it.</summary>
internal sealed class IpamCommand : FairleadCommand
{
    public IpamCommand(TimeProvider time)
        : base("ipam", "Shows which node has which pod addresses, finds leaks and conflicts, and frees blocks of nodes that are gone.")
    {
        Subcommands.Add(new IpamShowCommand(time));
        Subcommands.Add(new IpamCheckCommand(time));
        Subcommands.Add(new IpamReclaimCommand(time));
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead ipam show", "every node's ranges and how full they are"),
        ("fairlead ipam check", "leaks and conflicts; exit code 1 if there are any"),
        ("fairlead ipam reclaim --dry-run", "what would be freed"),
    ];
}
