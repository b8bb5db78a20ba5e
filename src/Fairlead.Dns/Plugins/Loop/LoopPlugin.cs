using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Loop;

/// <summary>Finds out at the start whether queries come back to this server by way of its own upstreams, and ends it then.</summary>
/// <remarks>It asks itself for a name nobody else can know. Seeing that query more than twice means somebody sends it back.</remarks>
internal sealed class LoopPlugin : IDnsPlugin, IAfterStart, IAsyncDisposable
{
    private readonly PluginEnvironment _environment;
    private readonly DnsName _zone;
    private readonly DnsName _question;
    private readonly int _port;
    private readonly CancellationTokenSource _stop = new();
    private int _seen;
    private int _watching = 1;

    private LoopPlugin(PluginEnvironment environment, DnsName zone, int port)
    {
        (_environment, _zone, _port) = (environment, zone, port);
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        var labels = string.Create(CultureInfo.InvariantCulture, $"{BitConverter.ToUInt64(random)}.{BitConverter.ToUInt64(random[8..])}");
        _question = zone.TryPrepend(labels, out var name) ? name : DnsName.Parse(labels);
    }

    public string Name => "loop";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        directive.NoArguments().NoBody();
        return new LoopPlugin(setup.Environment, setup.Zones[0], setup.Block.Keys[0].Port ?? setup.Environment.Options.Port);
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (context.Type == RecordType.HINFO && Volatile.Read(ref _watching) == 1 && WireName.Equal(context.Name, _question.Wire)
            && Interlocked.Increment(ref _seen) > 2)
        {
            _environment.Abort(
                $"plugin/loop: Loop ({context.Remote} -> :{_port}) detected for zone \"{_zone}\", see https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO {_question}\"");
            context.Fail(ResponseCode.Refused);
            return ValueTask.CompletedTask;
        }

        return next(context, ct);
    }

    public Task ListeningAsync(ImmutableArray<IPEndPoint> addresses, CancellationToken ct)
    {
        // The start does not wait: an upstream that is far away must not hold up names that are near.
        _ = AskAsync(addresses);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        return ValueTask.CompletedTask;
    }

    private async Task AskAsync(ImmutableArray<IPEndPoint> addresses)
    {
        var own = addresses.FirstOrDefault(a => a.Port == _port) ?? addresses.FirstOrDefault();
        if (own is null)
        {
            return;
        }

        var address = own.Address.Equals(IPAddress.IPv6Any) || own.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : own.Address;
        var client = new DnsClient(new IPEndPoint(address, own.Port), _environment.Time);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            try
            {
                await client.QueryAsync(_question, RecordType.HINFO, DnsQueryOptions.Default with { Timeout = TimeSpan.FromSeconds(5) }, _stop.Token);
                break;
            }
            catch (Exception e) when (e is TimeoutException or SocketException or IOException)
            {
                // No answer is no loop, but it may be no network yet either.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        Volatile.Write(ref _watching, 0);
    }
}
