using System.CommandLine;
using System.Globalization;
using System.Net;
using Fairlead.CommandLine;
using Fairlead.Lab;
using Fairlead.Topology;
using Fairlead.Topology.Probes;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net ping</c>: asks an address for an echo, from a host.</summary>
internal sealed class NetPingCommand : FairleadCommand
{
    private readonly Argument<string> _host = new("HOST") { Description = NetHost.Description };
    private readonly Argument<string> _address = new("ADDRESS") { Description = "an IPv4 or IPv6 address" };
    private readonly Option<int> _count = new("--count", "-c") { Description = "how many requests to send", DefaultValueFactory = _ => 3, HelpName = "N" };
    private readonly Option<int> _timeout = new("--timeout", "-W") { Description = "seconds to wait for each answer", DefaultValueFactory = _ => 1, HelpName = "SECONDS" };
    private readonly TimeProvider _time;

    public NetPingCommand(TimeProvider time)
        : base("ping", "Asks an address for an echo from within a host. Exit code 0: every request was answered; 1: not.")
    {
        _time = time;
        Arguments.Add(_host);
        Arguments.Add(_address);
        Options.Add(_count);
        Options.Add(_timeout);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net ping red 192.168.15.2", "three requests, a line each"),
        ("fairlead net ping machine fd00:15::2 -c 1", "one, from the machine itself"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var (host, text) = (parsed.GetValue(_host)!, parsed.GetValue(_address)!);
        if (!IPAddress.TryParse(text, out var address))
        {
            throw new LabException($"'{text}' is no address", "write it as 192.168.15.2 or fd00::2") { IsWrongUsage = true };
        }

        NetFile.RequireRights($"ping {host} {text}", host == TopologyHost.Machine ? ["CAP_NET_RAW"] : ["CAP_NET_RAW", "CAP_SYS_ADMIN"]);
        using var network = NetHost.Open(host);
        using var ping = new Ping(address, network, _time);
        var (count, patience) = (Math.Max(parsed.GetValue(_count), 1), TimeSpan.FromSeconds(Math.Max(parsed.GetValue(_timeout), 1)));
        var answered = 0;
        for (var i = 1; i <= count; i++)
        {
            var answer = await ping.SendAsync(i, patience, ct);
            answered += answer.IsReply ? 1 : 0;
            Console.Out.WriteLine(answer switch
            {
                { IsReply: true } => string.Create(CultureInfo.InvariantCulture, $"reply from {answer.From}: seq={i} time={answer.Time.TotalMilliseconds:0.000} ms"),
                { Refusal: { } refusal } => $"{(answer.From is { } router ? $"from {router}: " : "")}{refusal}: seq={i}",
                _ => string.Create(CultureInfo.InvariantCulture, $"no reply from {address}: seq={i}"),
            });
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{answered} of {count} answered"));
        return answered == count ? ExitCode.Done : ExitCode.Failed;
    }
}
