using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Forward;

/// <summary>One server that queries are forwarded to, and whether it is well.</summary>
internal sealed class Upstream(IPEndPoint address, ForwardOptions options, TimeProvider time)
{
    private readonly DnsClient _client = new(address, time);
    private readonly KeyValuePair<string, object?> _label = new("to", address.ToString());
    private int _fails;
    private int _probing;

    public IPEndPoint Address { get; } = address;

    public bool IsDown => options.MaxFails > 0 && Volatile.Read(ref _fails) >= options.MaxFails;

    public async Task<DnsMessage> AskAsync(DnsName name, RecordType type, DnsQueryOptions query, CancellationToken ct)
    {
        var start = time.GetTimestamp();
        var reply = await _client.QueryAsync(name, type, query, ct);
        DnsMetrics.UpstreamDuration.Record(time.GetElapsedTime(start).TotalSeconds, _label, new("proxy_name", "forward"), new("rcode", Mnemonic.Of(reply.Code)));
        Volatile.Write(ref _fails, 0);
        return reply;
    }

    /// <summary>Notes that a query failed, and asks every so often until the server answers again. Any answer will do.</summary>
    public void Suspect(CancellationToken stop)
    {
        if (options.HealthCheck > TimeSpan.Zero && options.MaxFails > 0 && Interlocked.Exchange(ref _probing, 1) == 0)
        {
            _ = ProbeAsync(stop);
        }
    }

    private async Task ProbeAsync(CancellationToken stop)
    {
        var query = new DnsQueryOptions(Tcp: options.ForceTcp, Recurse: options.HealthCheckRecursion, PayloadSize: 0, RetryTruncated: false) { Timeout = TimeSpan.FromSeconds(1) };
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await _client.QueryAsync(options.HealthCheckName, RecordType.NS, query, stop);
                Volatile.Write(ref _fails, 0);
                break;
            }
            catch (Exception e) when (e is SocketException or TimeoutException or IOException)
            {
                Interlocked.Increment(ref _fails);
                DnsMetrics.HealthCheckFailures.Add(1, _label, new("proxy_name", "forward"));
            }
            catch (OperationCanceledException)
            {
                break;
            }

            await Task.Delay(options.HealthCheck, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Volatile.Write(ref _probing, 0);
    }
}
