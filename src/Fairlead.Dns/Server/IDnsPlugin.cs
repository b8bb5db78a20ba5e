using System.Collections.Immutable;
using System.Net;

namespace Fairlead.Dns.Server;

/// <summary>The rest of the chain, seen from a plugin.</summary>
public delegate ValueTask DnsDelegate(DnsContext context, CancellationToken ct);

/// <summary>A part of the server that a Corefile directive makes. What else it can do, further interfaces say.</summary>
public interface IPlugin
{
    /// <summary>The directive's name.</summary>
    string Name { get; }
}

/// <summary>A plugin that queries pass through.</summary>
public interface IDnsPlugin : IPlugin
{
    /// <summary>Answers, passes on, or looks at what the rest of the chain answered.</summary>
    ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct);
}

/// <summary>A plugin with work to do before its server block takes queries.</summary>
internal interface IStartable : IPlugin
{
    /// <summary>Returns once the plugin can serve. A failure stops the start, or, in a reload, keeps the old configuration.</summary>
    Task StartAsync(CancellationToken ct);
}

/// <summary>A plugin that wants to be told once all listeners are open.</summary>
internal interface IAfterStart : IPlugin
{
    Task ListeningAsync(ImmutableArray<IPEndPoint> addresses, CancellationToken ct);
}

/// <summary>A plugin that may not be ready to serve at once, and says so to <c>ready</c>.</summary>
internal interface IReady : IPlugin
{
    bool IsReady { get; }
}

/// <summary>A plugin that delays the server's end, so that others notice before it stops answering.</summary>
internal interface ILameDuck : IPlugin
{
    TimeSpan LameDuck { get; }
}
