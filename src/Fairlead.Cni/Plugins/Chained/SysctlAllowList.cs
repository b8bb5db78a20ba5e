using System.Text.RegularExpressions;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>The file in which the machine's owner says which settings networks may change: a regular expression a line.</summary>
internal static class SysctlAllowList
{
    public const string DefaultFile = "/etc/cni/tuning/allowlist.conf";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>Refuses settings that no line matches; where there is no file, all are allowed.</summary>
    public static void Verify(IEnumerable<TuningSetting> settings, string file = DefaultFile)
    {
        if (!File.Exists(file))
        {
            return;
        }

        var lines = File.ReadLines(file).Select(l => l.Trim()).Where(l => l.Length > 0).ToList();
        foreach (var (key, _, text) in settings)
        {
            // Lines speak of settings as configurations write them, with IFNAME for the interface, or as people do, with dots.
            if (!lines.Exists(line => Matches(text, line, file) || Matches(key.Replace('/', '.'), line, file) || Matches(key, line, file)))
            {
                throw new CniException(CniErrorCode.InvalidNetworkConfig, $"sysctl: {file} does not allow '{text}'");
            }
        }
    }

    private static bool Matches(string key, string line, string file)
    {
        try
        {
            return Regex.IsMatch(key, line, RegexOptions.CultureInvariant, s_patience);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"{file}: '{line}' cannot be used: {e.Message}", inner: e);
        }
    }
}
