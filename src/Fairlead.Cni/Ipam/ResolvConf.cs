using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Ipam;

/// <summary>Reads what a resolver file says of name servers (resolv.conf(5)).</summary>
internal static class ResolvConf
{
    public static CniDns Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"ipam.resolvConf: {e.Message}", inner: e);
        }

        return Parse(lines);
    }

    public static CniDns Parse(IEnumerable<string> lines)
    {
        var dns = CniDns.None;
        foreach (var line in lines)
        {
            var words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words is not [var key, .. var values] || key[0] is '#' or ';' || values.Length == 0)
            {
                continue;
            }

            dns = key switch
            {
                "nameserver" => dns with { NameServers = dns.NameServers.Add(values[0]) },
                "domain" => dns with { Domain = values[0] },
                "search" => dns with { Search = dns.Search.AddRange(values) },
                "options" => dns with { Options = dns.Options.AddRange(values) },
                _ => dns,
            };
        }

        return dns;
    }
}
