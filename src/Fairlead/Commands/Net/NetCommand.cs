using Fairlead.CommandLine;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net</c>: networks of this machine from a file.</summary>
internal sealed class NetCommand : FairleadCommand
{
    public NetCommand(TimeProvider time)
        : base("net", "Makes small networks on this machine from a file: hosts, switches, links, routes, NAT. No ip, brctl or iptables needed.")
    {
        Subcommands.Add(new NetApplyCommand(time));
        Subcommands.Add(new NetDiffCommand());
        Subcommands.Add(new NetShowCommand());
        Subcommands.Add(new NetDeleteCommand(time));
        Subcommands.Add(new NetExecCommand());
        Subcommands.Add(new NetPingCommand(time));
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net apply -f examples/network/red-and-blue.yaml", "makes the network that the file describes"),
        ("fairlead net ping red 192.168.15.2", "sends packets in it"),
        ("fairlead net show red", "shows a host of it"),
        ("fairlead net delete red-and-blue", "removes it"),
    ];
}
