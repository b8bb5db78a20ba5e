using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Logging;
using Fairlead.Dns.Plugins.Kubernetes;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Dns;

/// <summary>A DNS server inside the test, on a port of its own on 127.0.0.1.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private RunningServer(DnsServer server, StringWriter log) => (Server, Log) = (server, log);

    public DnsServer Server { get; }

    public StringWriter Log { get; }

    /// <summary>Where it listens, by loopback.</summary>
    public IPEndPoint EndPoint => new(IPAddress.Loopback, Server.EndPoints[0].Port);

    public DnsClient Client => new(EndPoint);

    /// <summary>Starts with a Corefile's text; server blocks without a port take a free one.</summary>
    public static async Task<RunningServer> StartAsync(string corefile, DnsOptions? options = null, bool useFile = false)
    {
        var log = new StringWriter();
        options = (options ?? new DnsOptions()) with { ConfText = useFile ? null : corefile, Output = TextWriter.Synchronized(log), Port = 0 };
        var server = new DnsServer(options, new CoreDnsLog(options.Output));
        try
        {
            await server.StartAsync(DnsServer.Load(options), CancellationToken.None);
            return new RunningServer(server, log);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task<DnsMessage> AskAsync(string name, RecordType type = RecordType.A, DnsQueryOptions? options = null)
        => Client.QueryAsync(DnsName.Parse(name), type, options ?? DnsQueryOptions.Default, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>A cluster zone that a test makes up.</summary>
internal sealed class MadeZone(ZoneSnapshot zone) : IClusterZone
{
    public Snapshot<ZoneSnapshot> Zone { get; } = new(zone);

    public Uri Server { get; } = new("https://127.0.0.1:6443");

    public void Start()
    {
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
