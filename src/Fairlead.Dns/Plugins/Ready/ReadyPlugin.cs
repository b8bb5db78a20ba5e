using Fairlead.Dns.Corefile;
using Fairlead.Dns.Http;
using Fairlead.Dns.Server;

namespace Fairlead.Dns.Plugins.Ready;

/// <summary>Answers <c>/ready</c> with 200 once every plugin that may be unready has been ready, and names those that are not.</summary>
internal sealed class ReadyPlugin : IPlugin
{
    private const string DefaultAddress = ":8181";
    private readonly PluginEnvironment _environment;
    private readonly bool _always;
    private readonly HashSet<IReady> _seen = [];

    private ReadyPlugin(PluginEnvironment environment, bool always) => (_environment, _always) = (environment, always);

    public string Name => "ready";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        var text = directive.AtMost(1).Arguments is [var given] ? given : DefaultAddress;
        if (!HttpRoutes.TryParseAddress(text, out var address))
        {
            throw directive.Error($"'{text}' is not an address to listen on");
        }

        var always = false;
        foreach (var line in directive.Body)
        {
            // `monitor continuously` asks every time; the default is to believe a plugin that was ready once.
            always = line is { Name: "monitor", Arguments: [var how] }
                ? how is "continuously" || (how is "until-ready" ? false : throw line.Error($"'{how}': until-ready or continuously"))
                : throw line.UnknownProperty();
        }

        var plugin = new ReadyPlugin(setup.Environment, always);
        setup.Environment.Http.Add(address, "/ready", plugin.Answer);
        return plugin;
    }

    private HttpAnswer Answer()
    {
        var unready = new SortedSet<string>(StringComparer.Ordinal);
        lock (_seen)
        {
            foreach (var plugin in _environment.All.OfType<IReady>())
            {
                if ((!_always && _seen.Contains(plugin)) || plugin.IsReady)
                {
                    _seen.Add(plugin);
                }
                else
                {
                    unready.Add(plugin.Name);
                }
            }
        }

        return unready.Count == 0 ? new HttpAnswer(200, "OK") : new HttpAnswer(503, string.Join(',', unready));
    }
}
