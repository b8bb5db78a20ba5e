using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zones;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>Answers for the names of a cluster's Services and pods.</summary>
/// <remarks>The query path reads one immutable snapshot; everything there is to know about an answer was decided when the cluster changed.</remarks>
internal sealed partial class KubernetesPlugin : IDnsPlugin, IStartable, IReady, IAsyncDisposable
{
    private const int MaxAliases = 8;
    private readonly KubernetesOptions _options;
    private readonly ZoneMatcher _zones;
    private readonly Lease<IClusterZone> _watch;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private IPAddress? _self;

    private KubernetesPlugin(KubernetesOptions options, Lease<IClusterZone> watch, TimeProvider time, ILogger logger)
    {
        (_options, _watch, _time, _logger) = (options, watch, time, logger);
        _zones = new ZoneMatcher(options.Zones);
    }

    public string Name => "kubernetes";

    public bool IsReady => _watch.Value.Zone.Current.Synced;

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        var options = KubernetesOptions.Parse(directive, setup);
        var logger = setup.Logger("kubernetes");
        try
        {
            var watch = setup.Environment.Shared.Acquire(options.ShareKey, () => setup.Environment.Options.ClusterZone is { } given
                ? given(options.Settings)
                : new ClusterWatch(options.Connect(setup.Environment.Options), options.Settings, options.Labels, options.NamespaceLabels, setup.Time, logger));
            return new KubernetesPlugin(options, watch, setup.Time, logger);
        }
        catch (Exception e) when (e is KubeConfigException or IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw directive.Error(e.Message, e);
        }
    }

    /// <summary>Waits for the first whole list, but no longer than <c>startup_timeout</c>: then names of the zone get SERVFAIL until it comes.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        _watch.Value.Start();
        _self = OwnAddress();
        using var waiting = _time.CreateTimer(_ => LogWaiting(), null, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2));
        using var timeout = new CancellationTokenSource(_options.StartupTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            await foreach (var zone in _watch.Value.Zone.WatchAsync(either.Token))
            {
                if (zone.Synced)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            LogUnsynced();
        }
    }

    public ValueTask DisposeAsync() => _watch.DisposeAsync();

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (!_zones.TryMatch(context.Name, out var zone))
        {
            return next(context, ct);
        }

        var snapshot = _watch.Value.Zone.Current;
        if (!snapshot.TryFind(context.Name, out var answers) && !TryMake(context, zone, snapshot, out answers))
        {
            if (_options.Fall.Through(context.Name))
            {
                return next(context, ct);
            }

            Deny(context, zone, snapshot, snapshot.Synced ? ResponseCode.NameError : ResponseCode.ServerFailure);
            return ValueTask.CompletedTask;
        }

        if (context.Type is RecordType.AXFR or RecordType.IXFR)
        {
            context.Fail(ResponseCode.Refused);
            return ValueTask.CompletedTask;
        }

        context.AnsweredBy = Name;
        context.Prepared = true;
        context.ReplyFlags = DnsFlags.Authoritative;
        if (answers.Alias is not null && context.Type is RecordType.A or RecordType.AAAA or RecordType.TXT)
        {
            return FollowAsync(context, zone, snapshot, answers.Alias, ct);
        }

        var records = answers.OfType(context.Type);
        if (records.IsEmpty && context.Type is RecordType.SOA or RecordType.NS && WireName.Equal(context.Name, zone.Wire))
        {
            AnswerApex(context, zone, snapshot);
            return ValueTask.CompletedTask;
        }

        if (records.IsEmpty)
        {
            Deny(context, zone, snapshot, ResponseCode.NoError);
            return ValueTask.CompletedTask;
        }

        context.Answers.AddRange(records);
        context.Additionals.AddRange(answers.TargetsOf(context.Type));
        return ValueTask.CompletedTask;
    }

    /// <summary>The zone's SOA, or its name servers: the Services whose endpoint this server is, or itself under <c>ns.dns</c>.</summary>
    private void AnswerApex(DnsContext context, DnsName zone, ZoneSnapshot snapshot)
    {
        if (context.Type == RecordType.SOA)
        {
            context.Answers.Add(snapshot.Authority(zone));
            return;
        }

        if (_self is null)
        {
            Deny(context, zone, snapshot, ResponseCode.NoError);
            return;
        }

        foreach (var (name, answers) in snapshot.ServicesAt(DnsName.Reverse(_self)))
        {
            context.Answers.Add(Record.ForName(zone, _options.Ttl, RecordType.NS, name));
            context.Additionals.AddRange(answers.OfType(RecordType.A));
            context.Additionals.AddRange(answers.OfType(RecordType.AAAA));
        }

        if (context.Answers.Count == 0)
        {
            var self = zone.Prepend("ns.dns");
            context.Answers.Add(Record.ForName(zone, _options.Ttl, RecordType.NS, self));
            context.Additionals.Add(Record.ForAddress(self, _options.Ttl, _self));
        }
    }

    private void Deny(DnsContext context, DnsName zone, ZoneSnapshot snapshot, ResponseCode code)
    {
        context.Fail(code);
        context.AnsweredBy = Name;
        context.Prepared = true;
        context.ReplyFlags = DnsFlags.Authoritative;
        context.Authorities.Add(snapshot.Authority(zone));
    }

    /// <summary>Answers an ExternalName: its CNAME, and what that leads to, inside the zone or wherever the server's other plugins look.</summary>
    private async ValueTask FollowAsync(DnsContext context, DnsName zone, ZoneSnapshot snapshot, Record alias, CancellationToken ct)
    {
        for (var i = 0; i < MaxAliases; i++)
        {
            var target = alias.Target!.Value;
            context.Answers.Add(alias);
            if (!target.IsWithin(zone))
            {
                var found = context.Resolver is null ? null : await context.Resolver.LookupAsync(context, target, context.Type, ct);
                foreach (var record in found?.Answers ?? [])
                {
                    context.Answers.Add(record);
                }

                return;
            }

            if (!snapshot.TryFind(target.ToLower().Wire, out var answers))
            {
                break;
            }

            if (answers.Alias is not { } further)
            {
                var records = answers.OfType(context.Type);
                if (records.IsEmpty)
                {
                    break;
                }

                context.Answers.AddRange(records);
                return;
            }

            alias = further;
        }

        // A chain inside the zone that ends in nothing: CoreDNS answers NODATA, not half a chain.
        Deny(context, zone, snapshot, ResponseCode.NoError);
    }

    /// <summary>The names that are made when asked for: pods' addresses taken at their word, and the server's own.</summary>
    private bool TryMake(DnsContext context, DnsName zone, ZoneSnapshot snapshot, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out NameAnswers? answers)
    {
        answers = null;
        var depth = WireName.CountLabels(context.Name) - zone.LabelCount;
        if (depth == 3 && _options.Pods == PodMode.Insecure)
        {
            // The namespace's own name under `pod` is there exactly when the namespace is.
            var ns = WireName.Parent(context.Name);
            if (snapshot.TryFind(ns, out _) && IsPodBranch(ns))
            {
                var address = ZoneCompiler.Undashed(Encoding.ASCII.GetString(WireName.FirstLabel(context.Name)));
                answers = address is null ? null : new NameAnswers([Record.ForAddress(context.QuestionName, _options.Ttl, address)]);
            }
        }
        else if (depth == 2 && snapshot.Synced && WireName.FirstLabel(context.Name).SequenceEqual("ns"u8) && WireName.FirstLabel(WireName.Parent(context.Name)).SequenceEqual("dns"u8))
        {
            answers = _self is null ? null : new NameAnswers([Record.ForAddress(context.QuestionName, _options.Ttl, _self)]);
        }

        return answers is not null;
    }

    private static bool IsPodBranch(ReadOnlySpan<byte> ns) => WireName.FirstLabel(WireName.Parent(ns)).SequenceEqual("pod"u8);

    /// <summary>The address this machine has towards the cluster; no packet is sent.</summary>
    private IPAddress? OwnAddress()
    {
        try
        {
            var url = _watch.Value.Server;
            if (!IPAddress.TryParse(url.Host.Trim('[', ']'), out var server))
            {
                return null;
            }

            using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(server, url.Port);
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    [LoggerMessage(LogLevel.Information, "waiting for Kubernetes API before starting server")]
    private partial void LogWaiting();

    [LoggerMessage(LogLevel.Warning, "starting server with unsynced Kubernetes API")]
    private partial void LogUnsynced();
}
