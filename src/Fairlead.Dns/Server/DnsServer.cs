using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Http;
using Fairlead.Dns.Logging;
using Fairlead.Dns.Plugins;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>A running DNS server: its listeners, and the configuration they answer by.</summary>
/// <remarks>
/// Listeners outlive configurations. A reload makes the next configuration complete, plugins started and synced, then swaps the
/// routing of each listener in one write: a query meets the old or the new one, whole.
/// </remarks>
public sealed partial class DnsServer : IAsyncDisposable
{
    private readonly DnsOptions _options;
    private readonly CoreDnsLog _log;
    private readonly ILogger _logger;
    private readonly Dictionary<string, Listening> _listening = new(StringComparer.Ordinal);
    private readonly HttpPorts _http = new();
    private readonly SharedResources _shared = new();
    private readonly SemaphoreSlim _changing = new(1);
    private readonly TaskCompletionSource<string> _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ServerConfiguration? _configuration;
    private string? _lastFailure;

    internal DnsServer(DnsOptions options, CoreDnsLog log)
    {
        (_options, _log) = (options, log);
        _logger = log.CreateLogger("");
    }

    /// <summary>Where the server listens over UDP; TCP has the same ports.</summary>
    public ImmutableArray<IPEndPoint> EndPoints => [.. _listening.Values.Select(l => l.Udp.EndPoint)];

    /// <summary>Completes with the reason when a plugin finds that the server must not go on.</summary>
    internal Task<string> Aborted => _aborted.Task;

    /// <summary>Hash of the Corefile in force.</summary>
    public string Fingerprint => _configuration?.Environment.Document.Fingerprint ?? "";

    /// <summary>Reads the Corefile again and, if it has changed and is good, takes it on without losing a query.</summary>
    /// <returns>Whether another configuration is now in force; a bad one is logged and the old one kept.</returns>
    public async Task<bool> ReloadAsync(CancellationToken ct)
    {
        await _changing.WaitAsync(ct);
        try
        {
            var document = Load(_options);
            if (string.Equals(document.Fingerprint, Fingerprint, StringComparison.Ordinal))
            {
                return false;
            }

            await ApplyAsync(document, ct);
            _lastFailure = null;
            LogReloaded();
            return true;
        }
        catch (Exception e) when (e is CorefileException or IOException or SocketException or UnauthorizedAccessException or InvalidOperationException)
        {
            // The file is looked at every few seconds; the same fault is told once.
            if (!string.Equals(_lastFailure, e.Message, StringComparison.Ordinal))
            {
                DnsMetrics.ReloadFailed.Add(1);
                LogReloadFailed(e.Message);
            }

            _lastFailure = e.Message;
            return false;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Answers what has been taken in, then closes everything.</summary>
    public async ValueTask DisposeAsync()
    {
        await _changing.WaitAsync();
        foreach (var listening in _listening.Values)
        {
            await listening.DisposeAsync();
        }

        _listening.Clear();
        if (_configuration is not null)
        {
            await _configuration.DisposeAsync();
        }

        await _http.DisposeAsync();
        _changing.Dispose();
    }

    /// <summary>Reads the Corefile that the options name.</summary>
    internal static CorefileDocument Load(DnsOptions options)
    {
        var file = options.Conf ?? "Corefile";
        if (options.ConfText is { } text)
        {
            return CorefileParser.Parse(file, text);
        }

        // Without a Corefile CoreDNS serves whoami, which is how a first try looks alive.
        return options.Conf is null && !File.Exists(file)
            ? CorefileParser.Parse("Corefile", ". {\n  whoami\n  log\n}\n")
            : CorefileParser.Parse(file, File.ReadAllText(file));
    }

    internal Task StartAsync(CorefileDocument document, CancellationToken ct) => ApplyAsync(document, ct);

    /// <summary>The lines CoreDNS prints for what it serves.</summary>
    internal ImmutableArray<string> Banner => _configuration?.Banner ?? [];

    /// <summary>How long to go on answering after the decision to end.</summary>
    internal TimeSpan LameDuck => _configuration?.Environment.All.OfType<ILameDuck>().Select(p => p.LameDuck).DefaultIfEmpty().Max() ?? TimeSpan.Zero;

    private async Task ApplyAsync(CorefileDocument document, CancellationToken ct)
    {
        var environment = new PluginEnvironment(_options, document, _log, _shared) { Reload = ReloadAsync, Abort = reason => _aborted.TrySetResult(reason) };
        var warnings = new List<(Position At, string Text)>();
        var next = ServerConfiguration.Build(environment, (at, warning) => warnings.Add((at, warning)));
        var opened = new List<string>();
        try
        {
            foreach (var (label, (address, _)) in next.Listeners)
            {
                if (!_listening.ContainsKey(label))
                {
                    _listening.Add(label, Open(label, address));
                    opened.Add(label);
                }
            }

            await next.StartAsync(ct);
            await _http.ApplyAsync(environment.Http, ct);
        }
        catch
        {
            foreach (var label in opened)
            {
                await _listening[label].DisposeAsync();
                _listening.Remove(label);
            }

            await next.DisposeAsync();
            throw;
        }

        warnings.ForEach(warning => LogLegacy(warning.At, warning.Text));
        var previous = _configuration;
        _configuration = next;
        foreach (var (label, (_, router)) in next.Listeners)
        {
            _listening[label].Pipeline.Use(router);
        }

        opened.ForEach(label => _listening[label].Start());
        foreach (var label in _listening.Keys.Except(next.Listeners.Keys, StringComparer.Ordinal).ToArray())
        {
            await _listening[label].DisposeAsync();
            _listening.Remove(label);
        }

        if (previous is not null)
        {
            await previous.DisposeAsync();
        }

        await Task.WhenAll(environment.All.OfType<IAfterStart>().Select(plugin => plugin.ListeningAsync(EndPoints, ct)));
    }

    private Listening Open(string label, IPEndPoint address)
    {
        if (_options.OpenIn is not { } elsewhere)
        {
            return Listening.Open(label, address, _logger, _options.Time);
        }

        Listening? opened = null;
        elsewhere(() => opened = Listening.Open(label, address, _logger, _options.Time));
        return opened!;
    }

    [LoggerMessage(LogLevel.Warning, "{At}: {Warning}")]
    private partial void LogLegacy(Position at, string warning);

    [LoggerMessage(LogLevel.Information, "Reloading complete")]
    private partial void LogReloaded();

    [LoggerMessage(LogLevel.Error, "Corefile changed but reload failed; the old configuration stays in force: {Reason}")]
    private partial void LogReloadFailed(string reason);

    /// <summary>One address with its UDP and TCP listeners.</summary>
    private sealed class Listening(QueryPipeline pipeline, UdpListener udp, TcpListener tcp) : IAsyncDisposable
    {
        private const int Attempts = 16;

        public QueryPipeline Pipeline { get; } = pipeline;

        public UdpListener Udp { get; } = udp;

        public static Listening Open(string label, IPEndPoint address, ILogger logger, TimeProvider time)
        {
            for (var attempt = 1; ; attempt++)
            {
                var pipeline = new QueryPipeline(label, logger);
                UdpListener? udp = null;
                try
                {
                    udp = UdpListener.Bind(address, Math.Clamp(Environment.ProcessorCount, 1, 4), pipeline, time);
                    var tcp = TcpListener.Bind(new IPEndPoint(address.Address, udp.EndPoint.Port), pipeline, TcpLimits.Default, time);
                    return new Listening(pipeline, udp, tcp);
                }
                catch (SocketException) when (address.Port == 0 && udp is not null && attempt < Attempts)
                {
                    // A port the kernel chose for UDP may be taken for TCP; another one will do.
                    udp.DisposeAsync().AsTask().GetAwaiter().GetResult();
                }
                catch (SocketException e)
                {
                    udp?.DisposeAsync().AsTask().GetAwaiter().GetResult();
                    throw new IOException($"listen {(udp is null ? "udp" : "tcp")} {label["dns://".Length..]}: {Explain(e)}", e);
                }
            }
        }

        public void Start()
        {
            Udp.Start();
            tcp.Start();
        }

        public async ValueTask DisposeAsync()
        {
            await tcp.DisposeAsync();
            await Udp.DisposeAsync();
        }

        private static string Explain(SocketException e) => e.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "address already in use; stop the other server (ss -lunp shows it) or choose another port with -dns.port",
            SocketError.AccessDenied => "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose another with -dns.port",
            SocketError.AddressNotAvailable => "this machine has no such address",
            _ => e.Message,
        };
    }
}
