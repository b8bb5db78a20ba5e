using System.Collections.Immutable;
using System.Net;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Forward;

/// <summary>In which order upstreams are tried.</summary>
internal enum ForwardPolicy
{
    Random,
    RoundRobin,
    Sequential,
}

/// <summary>What a <c>forward</c> directive says.</summary>
internal sealed record ForwardOptions
{
    private const int MaxUpstreams = 15;

    public required DnsName From { get; init; }

    public required ImmutableArray<IPEndPoint> Upstreams { get; init; }

    public ImmutableArray<DnsName> Except { get; init; } = [];

    public ForwardPolicy Policy { get; init; }

    /// <summary>Failures in a row after which an upstream is passed over; 0 for never.</summary>
    public int MaxFails { get; init; } = 2;

    /// <summary>How often a failed upstream is asked whether it is back; zero for never.</summary>
    public TimeSpan HealthCheck { get; init; } = TimeSpan.FromMilliseconds(500);

    public bool HealthCheckRecursion { get; init; } = true;

    public DnsName HealthCheckName { get; init; }

    /// <summary>Queries on their way at a time; 0 for any number.</summary>
    public int MaxConcurrent { get; init; }

    public bool ForceTcp { get; init; }

    public bool FailFast { get; init; }

    /// <summary>Codes of an upstream's answer that hand the query to the next plugin (<c>next</c>).</summary>
    public ImmutableArray<ResponseCode> Next { get; init; } = [];

    /// <summary>How long one upstream may take.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long all tries together may take.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(5);

    public static ForwardOptions Parse(Directive directive, Func<string, string> readFile)
    {
        directive.AtLeast(2);
        var from = ZoneKeyParser.ParseZones(directive.Arguments[0], directive.At);
        if (from.Length != 1)
        {
            throw directive.Error($"'{directive.Arguments[0]}' covers more than one zone; write one forward for each");
        }

        var upstreams = directive.Arguments.Skip(1).SelectMany(text => ParseUpstream(directive, text, readFile)).Distinct().ToImmutableArray();
        if (upstreams.Length > MaxUpstreams)
        {
            throw directive.Error($"more than {MaxUpstreams} TOs configured: {upstreams.Length}");
        }

        return directive.Body.Aggregate(new ForwardOptions { From = from[0], Upstreams = upstreams }, static (options, line) => options.With(line));
    }

    /// <summary>The name servers of a resolv.conf(5).</summary>
    public static IEnumerable<IPEndPoint> NameServers(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var server, ..] && IPAddress.TryParse(server, out var address))
            {
                yield return new IPEndPoint(address, 53);
            }
        }
    }

    private ForwardOptions With(Directive line) => line.Name switch
    {
        "except" => this with { Except = [.. Except, .. line.AtLeast(1).Arguments.SelectMany(text => ZoneKeyParser.ParseZones(text, line.At))] },
        "policy" => this with
        {
            Policy = line.Only() switch
            {
                "random" => ForwardPolicy.Random,
                "round_robin" => ForwardPolicy.RoundRobin,
                "sequential" => ForwardPolicy.Sequential,
                var other => throw line.Error($"unknown policy '{other}'"),
            },
        },
        "max_fails" => this with { MaxFails = line.Number(0, 1000) },
        "max_concurrent" => this with { MaxConcurrent = line.Number(0, 1_000_000) },
        "force_tcp" => this with { ForceTcp = line.NoArguments().Name.Length > 0 },
        // UDP first and TCP for what was cut short is what we do anyway.
        "prefer_udp" => this with { ForceTcp = line.NoArguments().Name.Length == 0 },
        "failfast_all_unhealthy_upstreams" => this with { FailFast = line.NoArguments().Name.Length > 0 },
        "expire" => line.Duration() > TimeSpan.Zero ? this : throw line.Error("a duration above zero is expected"),
        "health_check" => WithHealthCheck(line.AtLeast(1)),
        "next" => this with { Next = [.. line.AtLeast(1).Arguments.Select(text => ParseCode(line, text))] },
        "tls" or "tls_servername" or "failover" or "max_idle_conns" or "max_age" or "max_connect_attempts" or "source_address"
            => throw line.Fault($"'{line.Name}' of forward is not supported yet"),
        _ => throw line.UnknownProperty(),
    };

    private ForwardOptions WithHealthCheck(Directive line)
    {
        var result = GoDuration.TryParse(line.Arguments[0], out var interval) ? this with { HealthCheck = interval } : throw line.Error($"'{line.Arguments[0]}' is not a duration");
        for (var i = 1; i < line.Arguments.Length; i++)
        {
            result = line.Arguments[i] switch
            {
                "no_rec" => result with { HealthCheckRecursion = false },
                "domain" when i + 1 < line.Arguments.Length && DnsName.TryParse(line.Arguments[++i], out var name) => result with { HealthCheckName = name },
                var other => throw line.Error($"unknown option '{other}'"),
            };
        }

        return result;
    }

    private static ResponseCode ParseCode(Directive line, string text) => text.ToUpperInvariant() switch
    {
        "NOERROR" => ResponseCode.NoError,
        "SERVFAIL" => ResponseCode.ServerFailure,
        "NXDOMAIN" => ResponseCode.NameError,
        "REFUSED" => ResponseCode.Refused,
        "NOTIMP" => ResponseCode.NotImplemented,
        _ => throw line.Error($"'{text}' is not a response code"),
    };

    private static IPEndPoint[] ParseUpstream(Directive directive, string text, Func<string, string> readFile)
    {
        var rest = text;
        if (text.IndexOf("://", StringComparison.Ordinal) is var mark and > 0)
        {
            rest = text[(mark + 3)..];
            if (!text.StartsWith("dns://", StringComparison.Ordinal))
            {
                throw directive.Error($"'{text}': upstreams over {text[..mark]} are not supported yet");
            }
        }

        // Addresses first: a file could be called 8.8.8.8, but nobody means that.
        if (IPAddress.TryParse(rest.Trim('[', ']'), out var address) && (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 || !rest.Contains(':', StringComparison.Ordinal)))
        {
            return [new IPEndPoint(address, 53)];
        }

        if (IPEndPoint.TryParse(rest, out var endPoint))
        {
            return [endPoint];
        }

        try
        {
            var servers = NameServers(readFile(text)).ToArray();
            return servers.Length > 0 ? servers : throw directive.Error($"{text} names no nameserver");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw directive.Error($"not an IP address or file: '{text}'", e);
        }
    }
}
