using System.Collections.Immutable;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Http;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins;

/// <summary>What every plugin of one configuration shares, whichever server block it stands in.</summary>
internal sealed class PluginEnvironment(DnsOptions options, CorefileDocument document, ILoggerFactory loggers, SharedResources shared)
{
    public DnsOptions Options { get; } = options;

    public CorefileDocument Document { get; } = document;

    public TimeProvider Time => Options.Time;

    /// <summary>What this configuration shares with the one before and the one after.</summary>
    public SharedResources Shared { get; } = shared;

    /// <summary>The HTTP paths that plugins want served, by address; opened when the configuration takes effect.</summary>
    public HttpRoutes Http { get; } = new();

    /// <summary>Every plugin of the configuration, in the order of its making.</summary>
    public List<IPlugin> All { get; } = [];

    /// <summary>Asks the running server for another configuration now (<c>reload</c>).</summary>
    public Func<CancellationToken, Task<bool>> Reload { get; set; } = _ => Task.FromResult(false);

    /// <summary>Ends the server with an error (<c>loop</c>).</summary>
    public Action<string> Abort { get; set; } = _ => { };

    /// <summary>Where <c>log</c> writes: lines of queries carry no plugin's name.</summary>
    public ILogger QueryLogger { get; } = loggers.CreateLogger("");

    public ILogger Logger(string plugin) => loggers.CreateLogger($"plugin/{plugin}");
}

/// <summary>What a directive's parser gets to make a plugin from.</summary>
internal sealed class PluginSetup(PluginEnvironment environment, ServerBlock block)
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    public PluginEnvironment Environment { get; } = environment;

    public ServerBlock Block { get; } = block;

    public TimeProvider Time => Environment.Time;

    /// <summary>The zones of the server block.</summary>
    public ImmutableArray<DnsName> Zones { get; } = [.. block.Keys.Select(key => key.Zone).Distinct()];

    /// <summary>The addresses the block listens on (<c>bind</c>); empty for all.</summary>
    public List<string> Bind { get; } = [];

    /// <summary>The zones of the block as metrics name them.</summary>
    public string ZoneLabel => Zones[0].ToString();

    public ILogger Logger(string plugin) => Environment.Logger(plugin);

    /// <summary>Refuses the second of a directive that may stand once in a block.</summary>
    public void Once(Directive directive)
    {
        if (!_seen.Add(directive.Name))
        {
            throw directive.Error("this plugin can only be used once per Server Block");
        }
    }

    /// <summary>Zones given as arguments, or the block's own.</summary>
    public ImmutableArray<DnsName> ZonesOr(Directive directive, int from)
        => directive.Arguments.Length > from
            ? [.. directive.Arguments.Skip(from).SelectMany(text => ZoneKeyParser.ParseZones(text, directive.At))]
            : Zones;
}
