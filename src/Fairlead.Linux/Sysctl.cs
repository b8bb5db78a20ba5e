using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux;

/// <summary>Kernel settings under /proc/sys; those under <c>net</c> are the namespace's own.</summary>
/// <remarks>A key is a path with slashes (<c>net/ipv4/ip_forward</c>), because names of interfaces may hold dots.</remarks>
public static class Sysctl
{
    /// <summary>Reads a setting, without its line end.</summary>
    public static string Read(string key, NetworkNamespace? network = null) => In(network, () => File.ReadAllText(PathOf(key)).TrimEnd('\n'));

    /// <summary>Reads a setting that this kernel may not have.</summary>
    public static string? Find(string key, NetworkNamespace? network = null)
        => In(network, () => File.Exists(PathOf(key)) ? File.ReadAllText(PathOf(key)).TrimEnd('\n') : null);

    /// <summary>Writes a setting.</summary>
    public static void Write(string key, string value, NetworkNamespace? network = null) => WriteAll([(key, value)], network);

    /// <summary>Writes several settings with one visit to the namespace.</summary>
    public static void WriteAll(IEnumerable<(string Key, string Value)> settings, NetworkNamespace? network = null) => In(network, () =>
    {
        foreach (var (key, value) in settings)
        {
            // Opened for writing only: /proc takes no creation and no truncation.
            using var file = Libc.Handle(Libc.open(PathOf(key), Libc.OpenWriteOnly | Libc.OpenCloseOnExec, 0), $"sysctl {key}");
            var bytes = Encoding.UTF8.GetBytes(value);
            _ = LinuxException.ThrowIfFailed((int)Libc.write(file, bytes, (nuint)bytes.Length), $"sysctl {key}={value}");
        }

        return true;
    });

    private static T In<T>(NetworkNamespace? network, Func<T> body) => network is null ? body() : network.Run(body);

    private static string PathOf(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return key.StartsWith('/') || key.Contains("..", StringComparison.Ordinal)
            ? throw new ArgumentException($"'{key}' is no setting: write it as net/ipv4/ip_forward", nameof(key))
            : $"/proc/sys/{key}";
    }
}
