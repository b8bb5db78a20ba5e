using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Log;

/// <summary>Which replies a <c>log</c> directive writes down.</summary>
[Flags]
internal enum LogClasses
{
    None = 0,
    Success = 1,
    Denial = 2,
    Error = 4,
    All = Success | Denial | Error,
}

/// <summary>Logs queries with their replies, in CoreDNS's format.</summary>
internal sealed partial class LogPlugin(ZoneMatcher zones, string format, LogClasses classes, TimeProvider time, ILogger logger) : IDnsPlugin
{
    private const string Common =
        "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} {duration}";

    private const string Combined = Common;

    public string Name => "log";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        var arguments = directive.Arguments;
        var format = Common;
        if (arguments.Length > 1 || (arguments is [var only] && only.Contains('{', StringComparison.Ordinal)))
        {
            if (arguments[^1].Contains('{', StringComparison.Ordinal))
            {
                format = arguments[^1].Replace("{common}", Common, StringComparison.Ordinal).Replace("{combined}", Combined, StringComparison.Ordinal);
                arguments = arguments[..^1];
            }
        }

        ImmutableArray<DnsName> zones = arguments.IsEmpty ? setup.Zones : [.. arguments.SelectMany(text => ZoneKeyParser.ParseZones(text, directive.At))];
        var classes = LogClasses.None;
        foreach (var line in directive.Body)
        {
            if (line.Name is not "class")
            {
                throw line.UnknownProperty();
            }

            foreach (var name in line.AtLeast(1).Arguments)
            {
                classes |= name switch
                {
                    "all" => LogClasses.All,
                    "success" => LogClasses.Success,
                    "denial" => LogClasses.Denial,
                    "error" => LogClasses.Error,
                    _ => throw line.Error($"'{name}' is not a class of responses: all, success, denial, error are"),
                };
            }
        }

        return new LogPlugin(new(zones), format, classes == LogClasses.None ? LogClasses.All : classes, setup.Time, setup.Environment.QueryLogger);
    }

    public async ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (context.Depth > 0 || !zones.Matches(context.Name))
        {
            await next(context, ct);
            return;
        }

        var start = time.GetTimestamp();
        await next(context, ct);
        if ((classes & ClassOf(context)) != 0)
        {
            LogQuery(Render(context, time.GetElapsedTime(start)));
        }
    }

    private static LogClasses ClassOf(DnsContext context) => context.Code switch
    {
        ResponseCode.NoError when context.Answers.Count > 0 => LogClasses.Success,
        ResponseCode.NoError or ResponseCode.NameError => LogClasses.Denial,
        _ => LogClasses.Error,
    };

    private string Render(DnsContext context, TimeSpan duration)
    {
        var text = new StringBuilder(format);
        Span<byte> scratch = stackalloc byte[Edns.OfferedPayload];
        var size = context.Transport == DnsTransport.Udp ? ReplyWriter.Write(context, scratch) : SizeOverTcp(context);
        var remote = context.Remote;
        var address = remote.Address.ToString();
        text.Replace("{remote}", address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address)
            .Replace("{port}", Number(remote.Port))
            .Replace("{>id}", Number(context.Id))
            .Replace("{type}", Mnemonic.Of(context.Type))
            .Replace("{class}", Mnemonic.Of(context.Class))
            .Replace("{name}", DnsName.Format(context.NameAsSpelled))
            .Replace("{proto}", context.Transport == DnsTransport.Udp ? "udp" : "tcp")
            .Replace("{size}", Number(context.RequestSize))
            .Replace("{>do}", context.Edns.DnssecOk ? "true" : "false")
            .Replace("{>bufsize}", Number(context.Transport == DnsTransport.Udp ? context.Edns.PayloadSize : ushort.MaxValue))
            .Replace("{>opcode}", "0")
            .Replace("{rcode}", Mnemonic.Of(context.Code))
            .Replace("{>rflags}", Flags(context))
            .Replace("{rsize}", Number(size))
            .Replace("{local}", context.Server)
            .Replace("{duration}", string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.000000000}s"));
        return text.ToString();
    }

    private static int SizeOverTcp(DnsContext context)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(ushort.MaxValue);
        var size = ReplyWriter.Write(context, buffer);
        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        return size;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Flags(DnsContext context)
    {
        var flags = "qr";
        flags += context.ReplyFlags.HasFlag(DnsFlags.Authoritative) ? ",aa" : "";
        flags += context.ReplyFlags.HasFlag(DnsFlags.Truncated) ? ",tc" : "";
        flags += context.RequestFlags.HasFlag(DnsFlags.RecursionDesired) ? ",rd" : "";
        flags += context.ReplyFlags.HasFlag(DnsFlags.RecursionAvailable) ? ",ra" : "";
        flags += context.ReplyFlags.HasFlag(DnsFlags.AuthenticData) ? ",ad" : "";
        return flags + (context.RequestFlags.HasFlag(DnsFlags.CheckingDisabled) ? ",cd" : "");
    }

    [LoggerMessage(LogLevel.Information, "{Line}")]
    private partial void LogQuery(string line);
}
