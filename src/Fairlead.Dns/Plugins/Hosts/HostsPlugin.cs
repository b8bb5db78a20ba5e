using System.Collections.Immutable;
using System.Net;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Hosts;

/// <summary>Answers from a hosts file and from lines of the Corefile, and follows changes of the file.</summary>
internal sealed partial class HostsPlugin : IDnsPlugin, IStartable, IAsyncDisposable
{
    private const string DefaultFile = "/etc/hosts";
    private readonly string _file;
    private readonly ImmutableArray<string> _inline;
    private readonly ZoneMatcher _zones;
    private readonly HostsSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Snapshot<HostsTable> _table;
    private readonly CancellationTokenSource _stop = new();
    private (DateTime Written, long Length) _seen;

    private HostsPlugin(string file, ImmutableArray<string> inline, ImmutableArray<DnsName> zones, HostsSettings settings, TimeProvider time, ILogger logger)
    {
        (_file, _inline, _settings, _time, _logger) = (file, inline, settings, time, logger);
        _zones = new ZoneMatcher(zones);
        _table = new(Compile(""));
    }

    public string Name => "hosts";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        var settings = new HostsSettings();
        var inline = ImmutableArray.CreateBuilder<string>();
        foreach (var line in directive.Body)
        {
            settings = line.Name switch
            {
                "ttl" => settings with { Ttl = (uint)line.Number(1, 65535) },
                "no_reverse" => settings with { Reverse = line.NoArguments().Name.Length == 0 },
                "reload" => settings with { Reload = line.Duration() },
                "fallthrough" => settings with { Fall = Fallthrough.Parse(line) },
                "fallthrough_unsupported" => settings with { PassUnsupported = line.NoArguments().Name.Length > 0 },
                _ => settings,
            };
            if (line.Name is "ttl" or "no_reverse" or "reload" or "fallthrough" or "fallthrough_unsupported")
            {
                continue;
            }

            if (!IPAddress.TryParse(line.Name, out _))
            {
                throw line.UnknownProperty();
            }

            inline.Add($"{line.Name} {string.Join(' ', line.AtLeast(1).Arguments)}");
        }

        if (settings.PassUnsupported && settings.Fall.Zones.IsEmpty)
        {
            throw directive.Error("fallthrough_unsupported requires fallthrough");
        }

        var file = directive.Arguments.IsEmpty ? DefaultFile : directive.Arguments[0];
        return new HostsPlugin(file, inline.DrainToImmutable(), setup.ZonesOr(directive, 1), settings, setup.Time, setup.Logger("hosts"));
    }

    public Task StartAsync(CancellationToken ct)
    {
        Read(first: true);
        if (_settings.Reload > TimeSpan.Zero)
        {
            _ = FollowAsync(_stop.Token);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        return ValueTask.CompletedTask;
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        // Reverse names are answered wherever they lie, and never denied: the file knows some addresses, not all.
        var there = _table.Current.TryFind(context.Name, out var answers);
        if (context.Type == RecordType.PTR ? !there : !_zones.Matches(context.Name))
        {
            return next(context, ct);
        }

        var supported = context.Type is RecordType.A or RecordType.AAAA or RecordType.PTR;
        if (there && (supported || !_settings.PassUnsupported))
        {
            context.AnsweredBy = Name;
            context.Prepared = true;
            context.ReplyFlags = DnsFlags.Authoritative;
            context.Answers.AddRange(answers!.OfType(context.Type));
            return ValueTask.CompletedTask;
        }

        if (_settings.Fall.Through(context.Name))
        {
            return next(context, ct);
        }

        // CoreDNS says SERVFAIL here, not NXDOMAIN: a hosts file is no authority on what does not exist.
        context.Fail(ResponseCode.ServerFailure);
        return ValueTask.CompletedTask;
    }

    private async Task FollowAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(_settings.Reload, _time);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            Read(first: false);
        }
    }

    private void Read(bool first)
    {
        try
        {
            var file = new FileInfo(_file);
            var state = file.Exists ? (file.LastWriteTimeUtc, file.Length) : default;
            if (!first && state == _seen)
            {
                return;
            }

            _seen = state;
            _table.Publish(Compile(file.Exists ? File.ReadAllText(_file) : ""));
            DnsMetrics.HostsEntries.Record(_table.Current.Entries);
            if (!file.Exists && first)
            {
                LogMissing(_file);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnreadable(_file, e.Message);
        }
    }

    /// <summary>Inline lines stand before the file's, but both answer.</summary>
    private HostsTable Compile(string text)
        => HostsTable.Compile(_inline.Concat(HostsTable.Lines(text)), _settings.Ttl, _settings.Reverse, name => _zones.Matches(name.Wire));

    [LoggerMessage(LogLevel.Warning, "File does not exist: {File}")]
    private partial void LogMissing(string file);

    [LoggerMessage(LogLevel.Warning, "Cannot read {File}; its last content stays: {Reason}")]
    private partial void LogUnreadable(string file, string reason);

    /// <summary>What a <c>hosts</c> block says beside its lines.</summary>
    private sealed record HostsSettings
    {
        public uint Ttl { get; init; } = 3600;

        public bool Reverse { get; init; } = true;

        public TimeSpan Reload { get; init; } = TimeSpan.FromSeconds(5);

        public Fallthrough Fall { get; init; } = Fallthrough.Never;

        public bool PassUnsupported { get; init; }
    }
}
