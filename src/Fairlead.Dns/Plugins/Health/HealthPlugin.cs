using Fairlead.Dns.Corefile;
using Fairlead.Dns.Http;
using Fairlead.Dns.Server;

namespace Fairlead.Dns.Plugins.Health;

/// <summary>Answers <c>/health</c> with 200 while the process lives, and delays its end by <c>lameduck</c>.</summary>
internal sealed class HealthPlugin(TimeSpan lameDuck) : ILameDuck
{
    private const string DefaultAddress = ":8080";

    public string Name => "health";

    public TimeSpan LameDuck { get; } = lameDuck;

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        var text = directive.AtMost(1).Arguments is [var given] ? given : DefaultAddress;
        if (!HttpRoutes.TryParseAddress(text, out var address))
        {
            throw directive.Error($"'{text}' is not an address to listen on");
        }

        var lameDuck = TimeSpan.Zero;
        foreach (var line in directive.Body)
        {
            lameDuck = line.Name is "lameduck" ? line.Duration() : throw line.UnknownProperty();
        }

        setup.Environment.Http.Add(address, "/health", static () => new HttpAnswer(200, "OK"));
        return new HealthPlugin(lameDuck);
    }
}
