using System.Globalization;
using Fairlead.Dns.Plugins.Kubernetes;
using Fairlead.Dns.Server;
using Fairlead.Kube.Client;

namespace Fairlead.Dns;

/// <summary>How the DNS role is started: CoreDNS's flags, and what of its process it may touch.</summary>
public sealed record DnsOptions
{
    /// <summary>The Corefile (<c>-conf</c>); without it <c>Corefile</c> of the working directory, and failing that a server that only knows <c>whoami</c>.</summary>
    public string? Conf { get; init; }

    /// <summary>The Corefile's text itself, for those who start the role in their own process. <see cref="Conf"/> then only names it.</summary>
    public string? ConfText { get; init; }

    /// <summary>The port of server blocks that name none (<c>-dns.port</c>, <c>-p</c>).</summary>
    public int Port { get; init; } = 53;

    /// <summary>Where to write the process's number (<c>-pidfile</c>).</summary>
    public string? PidFile { get; init; }

    /// <summary>List the plugins and end (<c>-plugins</c>).</summary>
    public bool ListPlugins { get; init; }

    /// <summary>Print the version and end (<c>-version</c>).</summary>
    public bool PrintVersion { get; init; }

    /// <summary>Print neither zones nor version at the start (<c>-quiet</c>).</summary>
    public bool Quiet { get; init; }

    public TextWriter Output { get; init; } = TextWriter.Null;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Makes the Kubernetes client when the Corefile names no cluster; by default the pod's own service account.</summary>
    public Func<KubeClient>? Cluster { get; init; }

    /// <summary>Gives the zone in place of a watched cluster.</summary>
    internal Func<ZoneSettings, IClusterZone>? ClusterZone { get; init; }

    /// <summary>Runs what opens listening sockets, for a caller that wants them to be elsewhere, as in a network namespace; null runs it as it is.</summary>
    public Action<Action>? OpenIn { get; init; }

    /// <summary>Called with the running server once it takes queries.</summary>
    public Action<DnsServer>? Started { get; init; }

    /// <summary>Reads the flags as Go's <c>flag</c> package does: one dash or two, value after <c>=</c> or as the next word.</summary>
    public static bool TryParse(IReadOnlyList<string> args, DnsOptions defaults, out DnsOptions options, out string? error)
    {
        (options, error) = (defaults, null);
        for (var i = 0; i < args.Count; i++)
        {
            var word = args[i];
            var flag = word.TrimStart('-');
            if (flag.Length == word.Length || word.Length - flag.Length > 2)
            {
                error = $"extra command line arguments: {word}";
                return false;
            }

            var equals = flag.IndexOf('=', StringComparison.Ordinal);
            var value = equals < 0 ? null : flag[(equals + 1)..];
            flag = equals < 0 ? flag : flag[..equals];
            if (flag is "plugins" or "version" or "quiet")
            {
                if (value is not (null or "true" or "false"))
                {
                    error = $"invalid boolean value \"{value}\" for -{flag}";
                    return false;
                }

                var on = value is not "false";
                options = flag switch
                {
                    "plugins" => options with { ListPlugins = on },
                    "version" => options with { PrintVersion = on },
                    _ => options with { Quiet = on },
                };
                continue;
            }

            if (flag is not ("conf" or "dns.port" or "p" or "pidfile"))
            {
                error = $"flag provided but not defined: -{flag}";
                return false;
            }

            if (value is null && ++i == args.Count)
            {
                error = $"flag needs an argument: -{flag}";
                return false;
            }

            value ??= args[i];
            if (flag is "dns.port" or "p")
            {
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > ushort.MaxValue)
                {
                    error = $"invalid value \"{value}\" for flag -{flag}: a port is a number from 0 to 65535";
                    return false;
                }

                options = options with { Port = port };
                continue;
            }

            options = flag is "conf" ? options with { Conf = value } : options with { PidFile = value };
        }

        return true;
    }
}
