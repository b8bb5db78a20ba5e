using System.Globalization;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Cache;

/// <summary>How one kind of reply is kept.</summary>
internal sealed record CacheRule(int Capacity, TimeSpan Max, TimeSpan Min);

/// <summary>Keeps replies that came from elsewhere for as long as their records say, and gives them out with the age taken off.</summary>
internal sealed partial class CachePlugin : IDnsPlugin
{
    private const int DefaultCapacity = 9984;
    private static readonly TimeSpan s_min = TimeSpan.FromSeconds(5);
    private readonly ZoneMatcher _zones;
    private readonly ZoneMatcher _noSuccess;
    private readonly ZoneMatcher _noDenial;
    private readonly CacheSettings _settings;
    private readonly CacheStore _success;
    private readonly CacheStore _denial;
    private readonly TimeProvider _time;
    private readonly string _zone;

    private CachePlugin(ZoneMatcher zones, CacheSettings settings, string zone, TimeProvider time)
    {
        (_zones, _settings, _zone, _time) = (zones, settings, zone, time);
        _noSuccess = new([.. settings.NoSuccess]);
        _noDenial = new([.. settings.NoDenial]);
        _success = new CacheStore(settings.Success.Capacity);
        _denial = new CacheStore(settings.Denial.Capacity);
    }

    public string Name => "cache";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        var settings = new CacheSettings();
        var zonesFrom = 0;
        if (directive.Arguments is [var first, ..] && int.TryParse(first, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ttl))
        {
            if (ttl <= 0)
            {
                throw directive.Error($"cache TTL can not be zero or negative: {ttl}");
            }

            zonesFrom = 1;
            var max = TimeSpan.FromSeconds(ttl);
            settings = settings with { Success = settings.Success with { Max = max }, Denial = settings.Denial with { Max = max } };
        }

        var zones = setup.ZonesOr(directive, zonesFrom);
        foreach (var line in directive.Body)
        {
            switch (line.Name)
            {
                case "success":
                    settings = settings with { Success = ParseRule(line, settings.Success) };
                    break;
                case "denial":
                    settings = settings with { Denial = ParseRule(line, settings.Denial) };
                    break;
                case "servfail":
                    settings = settings with { ServFail = line.Duration() is var time && time <= TimeSpan.FromMinutes(5) ? time : throw line.Error("more than 5 minutes is not allowed (RFC 2308)") };
                    break;
                case "keepttl":
                    settings = settings with { KeepTtl = line.NoArguments().Name.Length > 0 };
                    break;
                case "disable":
                    DnsName[] disabled = line.AtLeast(1).Arguments.Length == 1 ? [.. zones] : [.. line.Arguments.Skip(1).SelectMany(text => ZoneKeyParser.ParseZones(text, line.At))];
                    settings = line.Arguments[0] switch
                    {
                        "success" => settings with { NoSuccess = disabled },
                        "denial" => settings with { NoDenial = disabled },
                        var other => throw line.Error($"cache type for disable must be success or denial, not '{other}'"),
                    };
                    break;
                case "prefetch" or "serve_stale":
                    LogIgnored(setup.Logger("cache"), line.At, line.Name);
                    break;
                default:
                    throw line.UnknownProperty();
            }
        }

        return new CachePlugin(new ZoneMatcher(zones), settings, setup.ZoneLabel, setup.Time);
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (!_zones.Matches(context.Name))
        {
            return next(context, ct);
        }

        var probe = Probe(context);
        var (item, store) = _success.Find(probe) is { } success ? (success, _success) : (_denial.Find(probe), _denial);
        if (item is not null)
        {
            var age = _time.GetElapsedTime(item.Stored);
            if (age < item.Ttl)
            {
                Give(context, item, age);
                DnsMetrics.CacheRequests.Add(1, Labels(context, null));
                DnsMetrics.CacheHits.Add(1, Labels(context, ReferenceEquals(store, _success) ? "success" : "denial"));
                return ValueTask.CompletedTask;
            }

            store.Remove(probe);
        }

        var pending = next(context, ct);
        if (pending.IsCompletedSuccessfully)
        {
            Keep(context);
            return ValueTask.CompletedTask;
        }

        return LaterAsync(pending, context);
    }

    private async ValueTask LaterAsync(ValueTask pending, DnsContext context)
    {
        await pending;
        Keep(context);
    }

    private void Give(DnsContext context, CacheItem item, TimeSpan age)
    {
        context.Code = item.Code;
        context.ReplyFlags = item.Flags;
        context.Age = _settings.KeepTtl ? 0 : (uint)age.TotalSeconds;
        context.AnsweredBy = Name;
        context.Answers.AddRange(item.Answers);
        context.Authorities.AddRange(item.Authorities);
        context.Additionals.AddRange(item.Additionals);
    }

    /// <summary>Takes the reply in if it may be kept, and lowers its times to live to what we will keep it for.</summary>
    private void Keep(DnsContext context)
    {
        if (context.Prepared)
        {
            return;
        }

        DnsMetrics.CacheRequests.Add(1, Labels(context, null));
        DnsMetrics.CacheMisses.Add(1, Labels(context, null));
        if (context.Silent || context.ReplyFlags.HasFlag(DnsFlags.Truncated) || context.Age > 0 || !TryLifetime(context, out var store, out var ttl) || ttl <= TimeSpan.Zero)
        {
            return;
        }

        Cap(context.Answers.Mutable, ttl);
        Cap(context.Authorities.Mutable, ttl);
        Cap(context.Additionals.Mutable, ttl);

        // AA was true of the server that was asked; what comes out of a cache is hearsay (RFC 1034 §4.3.1).
        var item = new CacheItem(
            context.Code,
            context.ReplyFlags & ~DnsFlags.Authoritative,
            [.. context.Answers.Span],
            [.. context.Authorities.Span],
            [.. context.Additionals.Span],
            _time.GetTimestamp(),
            ttl);
        var type = ReferenceEquals(store, _success) ? "success" : "denial";
        if (store.Set(Probe(context), item))
        {
            DnsMetrics.CacheEvictions.Add(1, Labels(context, type));
        }

        DnsMetrics.CacheEntries.Record(store.Count, Labels(context, type));
    }

    /// <summary>Where a reply belongs and how long it may stay (RFC 2308 §5 for denials).</summary>
    private bool TryLifetime(DnsContext context, out CacheStore store, out TimeSpan ttl)
    {
        var answers = context.Answers.Span;
        (store, ttl) = (_success, TimeSpan.Zero);
        switch (context.Code)
        {
            case ResponseCode.NoError when answers.Length > 0:
                if (_noSuccess.Matches(context.Name))
                {
                    return false;
                }

                ttl = Bound(Min(answers), _settings.Success);
                return true;
            case ResponseCode.NoError or ResponseCode.NameError:
                store = _denial;
                if (_noDenial.Matches(context.Name))
                {
                    return false;
                }

                foreach (var record in context.Authorities.Span)
                {
                    if (record.Type == RecordType.SOA)
                    {
                        ttl = Bound(Math.Min(record.Ttl, record.Minimum), _settings.Denial);
                        return true;
                    }
                }

                return false;
            case ResponseCode.ServerFailure:
                (store, ttl) = (_denial, _settings.ServFail);
                return true;
            default:
                return false;
        }
    }

    private static uint Min(ReadOnlySpan<Record> records)
    {
        var min = uint.MaxValue;
        foreach (var record in records)
        {
            min = Math.Min(min, record.Ttl);
        }

        return min;
    }

    private static TimeSpan Bound(uint seconds, CacheRule rule)
    {
        var ttl = TimeSpan.FromSeconds(seconds);
        ttl = ttl < rule.Min ? rule.Min : ttl;
        return ttl > rule.Max ? rule.Max : ttl;
    }

    private static void Cap(Span<Record> records, TimeSpan ttl)
    {
        foreach (ref var record in records)
        {
            record = record.Ttl > ttl.TotalSeconds ? record.WithTtl((uint)ttl.TotalSeconds) : record;
        }
    }

    private static CacheProbe Probe(DnsContext context)
    {
        var flags = (context.Edns.DnssecOk ? 1 : 0) | ((context.RequestFlags & DnsFlags.CheckingDisabled) != 0 ? 2 : 0);
        return new CacheProbe(context.Name, context.Type, (byte)flags);
    }

    private System.Diagnostics.TagList Labels(DnsContext context, string? type)
    {
        var labels = new System.Diagnostics.TagList { { "server", context.Server } };
        if (type is not null)
        {
            labels.Add("type", type);
        }

        labels.Add("zones", _zone);
        labels.Add("view", "");
        return labels;
    }

    private static CacheRule ParseRule(Directive line, CacheRule rule)
    {
        var numbers = line.AtLeast(1).AtMost(3).Arguments
            .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw line.Error($"'{text}' is not a number"))
            .ToArray();
        return new CacheRule(
            numbers[0],
            numbers.Length > 1 ? TimeSpan.FromSeconds(numbers[1]) : rule.Max,
            numbers.Length > 2 ? TimeSpan.FromSeconds(numbers[2]) : rule.Min);
    }

    [LoggerMessage(LogLevel.Warning, "{At}: '{Option}' is not done yet and is ignored")]
    private static partial void LogIgnored(ILogger logger, Position at, string option);

    /// <summary>What a <c>cache</c> block says.</summary>
    private sealed record CacheSettings
    {
        public CacheRule Success { get; init; } = new(DefaultCapacity, TimeSpan.FromSeconds(3600), s_min);

        public CacheRule Denial { get; init; } = new(DefaultCapacity, TimeSpan.FromSeconds(1800), s_min);

        public TimeSpan ServFail { get; init; } = TimeSpan.FromSeconds(5);

        public bool KeepTtl { get; init; }

        public IReadOnlyList<DnsName> NoSuccess { get; init; } = [];

        public IReadOnlyList<DnsName> NoDenial { get; init; } = [];
    }
}
