using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Plugins;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>What one Corefile makes: which zones are answered by which chain at which address. Built whole, replaced whole.</summary>
internal sealed class ServerConfiguration : IAsyncDisposable
{
    private ServerConfiguration(
        PluginEnvironment environment,
        ImmutableSortedDictionary<string, (IPEndPoint Address, ZoneRouter Router)> listeners,
        ImmutableArray<string> banner)
        => (Environment, Listeners, Banner) = (environment, listeners, banner);

    public PluginEnvironment Environment { get; }

    /// <summary>Where to listen, and how queries are routed there; keyed by CoreDNS's label of the address.</summary>
    public ImmutableSortedDictionary<string, (IPEndPoint Address, ZoneRouter Router)> Listeners { get; }

    /// <summary>The lines CoreDNS prints at its start: <c>.:53</c>.</summary>
    public ImmutableArray<string> Banner { get; }

    /// <summary>Makes the plugins of every block. Nothing is started and no socket opened.</summary>
    /// <exception cref="CorefileException">A directive is unknown, misused or contradicts another.</exception>
    public static ServerConfiguration Build(PluginEnvironment environment, Action<Position, string> warn)
    {
        var document = environment.Document;
        if (document.Blocks.IsEmpty)
        {
            throw new CorefileException(new Position(document.File, 1), "no server block: write one like '.:53 { … }'");
        }

        var zones = new Dictionary<string, (IPEndPoint Address, Dictionary<DnsName, DnsDelegate> Zones)>(StringComparer.Ordinal);
        var banner = ImmutableArray.CreateBuilder<string>();
        foreach (var written in document.Blocks)
        {
            var block = LegacyDirectives.Translate(written, warn);
            var setup = new PluginSetup(environment, block);
            var chain = MakePlugins(setup);
            foreach (var key in block.Keys)
            {
                Place(setup, key, chain, zones, banner);
            }
        }

        return new ServerConfiguration(
            environment,
            zones.ToImmutableSortedDictionary(z => z.Key, z => (z.Value.Address, new ZoneRouter(z.Value.Zones)), StringComparer.Ordinal),
            banner.DrainToImmutable());
    }

    /// <summary>Waits until every plugin can serve.</summary>
    public Task StartAsync(CancellationToken ct)
        => Task.WhenAll(Environment.All.OfType<IStartable>().Select(plugin => plugin.StartAsync(ct)));

    public async ValueTask DisposeAsync()
    {
        foreach (var plugin in Environment.All)
        {
            switch (plugin)
            {
                case IAsyncDisposable asynchronous:
                    await asynchronous.DisposeAsync();
                    break;
                case IDisposable synchronous:
                    synchronous.Dispose();
                    break;
            }
        }
    }

    private static DnsDelegate MakePlugins(PluginSetup setup)
    {
        foreach (var directive in setup.Block.Directives)
        {
            if (!Plugins.Plugins.InOrder.Any(p => string.Equals(p.Name, directive.Name, StringComparison.Ordinal)))
            {
                throw directive.Fault(Plugins.Plugins.Foreign.Contains(directive.Name)
                    ? $"directive '{directive.Name}' is one of CoreDNS's that Fairlead does not have yet"
                    : $"Unknown directive '{directive.Name}'");
            }
        }

        var made = new List<IPlugin>();
        foreach (var descriptor in Plugins.Plugins.InOrder)
        {
            made.AddRange(setup.Block.Directives
                .Where(directive => string.Equals(directive.Name, descriptor.Name, StringComparison.Ordinal))
                .Select(directive => descriptor.Parse(directive, setup)));
        }

        setup.Environment.All.AddRange(made);
        return Plugins.Plugins.Chain([.. made.OfType<IDnsPlugin>()]);
    }

    private static void Place(
        PluginSetup setup,
        ZoneKey key,
        DnsDelegate chain,
        Dictionary<string, (IPEndPoint Address, Dictionary<DnsName, DnsDelegate> Zones)> zones,
        ImmutableArray<string>.Builder banner)
    {
        var at = setup.Block.At;
        if (key.Scheme is not "dns")
        {
            throw new CorefileException(at, $"'{key.Scheme}://{key.Zone}': only plain DNS is served so far");
        }

        var port = key.Port ?? setup.Environment.Options.Port;
        var hosts = setup.Bind.Count == 0 ? [""] : setup.Bind;
        foreach (var host in hosts)
        {
            var address = new IPEndPoint(host.Length == 0 ? Wildcard : IPAddress.Parse(host), port);
            var shown = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
            var label = string.Create(CultureInfo.InvariantCulture, $"dns://{shown}:{port}");
            if (!zones.TryGetValue(label, out var listener))
            {
                zones[label] = listener = (address, new(DnsNameComparer.Instance));
            }

            if (!listener.Zones.TryAdd(key.Zone, chain))
            {
                throw new CorefileException(at, $"cannot serve {key.Zone}:{port}{(host.Length == 0 ? "" : $" on {host}")}: it is already defined");
            }

            banner.Add(string.Create(CultureInfo.InvariantCulture, $"{key.Zone}:{port}{(host.Length == 0 ? "" : $" on {host}")}"));
        }
    }

    private static IPAddress Wildcard => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
}
