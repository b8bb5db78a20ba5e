using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Forward;

/// <summary>Asks other servers what this one does not know.</summary>
internal sealed class ForwardPlugin : IDnsPlugin, IAsyncDisposable
{
    private readonly ForwardOptions _options;
    private readonly ZoneMatcher _from;
    private readonly ZoneMatcher _except;
    private readonly ImmutableArray<Upstream> _upstreams;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private int _running;
    private int _turn;

    private ForwardPlugin(ForwardOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _from = new ZoneMatcher([options.From]);
        _except = new ZoneMatcher(options.Except);
        _upstreams = [.. options.Upstreams.Select(address => new Upstream(address, options, time))];
    }

    public string Name => "forward";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
        => new ForwardPlugin(ForwardOptions.Parse(directive, File.ReadAllText), setup.Time);

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
        => _from.Matches(context.Name) && !_except.Matches(context.Name) ? ForwardAsync(context, next, ct) : next(context, ct);

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        return ValueTask.CompletedTask;
    }

    private async ValueTask ForwardAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (Interlocked.Increment(ref _running) > _options.MaxConcurrent && _options.MaxConcurrent > 0)
        {
            Interlocked.Decrement(ref _running);
            DnsMetrics.MaxConcurrentRejects.Add(1);
            context.Fail(ResponseCode.Refused);
            context.Problem = $"concurrent queries exceeded maximum {_options.MaxConcurrent}";
            return;
        }

        try
        {
            var reply = await AskAsync(context, ct);
            if (reply is null)
            {
                return;
            }

            if (_options.Next.Contains(reply.Code))
            {
                await next(context, ct);
                return;
            }

            Take(context, reply);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>Asks upstreams one after the other until one answers or the time is over; then the reply is SERVFAIL already.</summary>
    private async Task<DnsMessage?> AskAsync(DnsContext context, CancellationToken ct)
    {
        var query = new DnsQueryOptions(
            Tcp: _options.ForceTcp || context.Transport == DnsTransport.Tcp,
            Recurse: context.RequestFlags.HasFlag(DnsFlags.RecursionDesired),
            PayloadSize: context.Edns.Present ? Edns.OfferedPayload : (ushort)0)
        {
            DnssecOk = context.Edns.DnssecOk,
            CheckingDisabled = context.RequestFlags.HasFlag(DnsFlags.CheckingDisabled),
            Timeout = _options.ReadTimeout,
        };
        var (name, type) = (context.QuestionName, context.Type);
        var order = Order();
        var start = _time.GetTimestamp();
        var problem = "no upstream";
        for (var i = 0; _time.GetElapsedTime(start) < _options.Deadline; i++)
        {
            // Two rounds: a lost datagram is no reason to give up on the only upstream there is.
            if (i >= order.Length * 2)
            {
                break;
            }

            var upstream = order[i % order.Length];
            if (upstream.IsDown && (!order.All(u => u.IsDown) || _options.FailFast))
            {
                problem = $"{upstream.Address} is unhealthy";
                continue;
            }

            if (upstream.IsDown)
            {
                // All are: better to try one than to be sure to fail.
                DnsMetrics.HealthCheckBroken.Add(1);
            }

            try
            {
                return await upstream.AskAsync(name, type, query, ct);
            }
            catch (Exception e) when (e is SocketException or TimeoutException or IOException)
            {
                problem = e is SocketException ? $"{upstream.Address}: {e.Message}" : e.Message;
                upstream.Suspect(_stop.Token);
            }
        }

        context.Fail(ResponseCode.ServerFailure);
        context.AnsweredBy = Name;
        context.Problem = problem;
        return null;
    }

    private void Take(DnsContext context, DnsMessage reply)
    {
        const DnsFlags kept = DnsFlags.Authoritative | DnsFlags.RecursionAvailable | DnsFlags.AuthenticData | DnsFlags.Truncated;
        context.Code = reply.Code;
        context.ReplyFlags = reply.Header.Flags & kept;
        context.AnsweredBy = Name;
        context.Answers.AddRange(reply.Answers.AsSpan());
        context.Authorities.AddRange(reply.Authorities.AsSpan());
        context.Additionals.AddRange(reply.Additionals.AsSpan());
    }

    private Upstream[] Order()
    {
        Upstream[] order = [.. _upstreams];
        switch (_options.Policy)
        {
            case ForwardPolicy.Random:
                Random.Shared.Shuffle(order);
                return order;
            case ForwardPolicy.RoundRobin:
                var turn = (int)((uint)Interlocked.Increment(ref _turn) % (uint)order.Length);
                return [.. order[turn..], .. order[..turn]];
            default:
                return order;
        }
    }
}
