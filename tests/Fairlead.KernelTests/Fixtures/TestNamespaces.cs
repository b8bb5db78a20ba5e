using System.Globalization;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Fixtures;

/// <summary>Network namespaces made for one test class and gone with it.</summary>
/// <remarks>
/// Names hold the process id, so that what a killed run left is known and swept by the next one, and a counter, because test classes
/// share a process and run side by side.
/// </remarks>
public sealed class TestNamespaces : IDisposable
{
    private const string Prefix = "fairlead-t-";
    private static readonly Lock s_sweep = new();
    private static bool s_swept;
    private static int s_count;

    private readonly List<NetworkNamespace> _namespaces = [];
    private readonly Lock _lock = new();

    public TestNamespaces()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Sweep();
    }

    /// <summary>A name that nobody else has, for namespaces a test makes or has made by itself; swept like the others.</summary>
    public static string NewName(string suffix = "")
        => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}{suffix}");

    /// <summary>Makes a namespace, which ends with this object.</summary>
    public NetworkNamespace New(string suffix = "")
    {
        var network = NetworkNamespace.Create(NewName(suffix));
        lock (_lock)
        {
            _namespaces.Add(network);
        }

        return network;
    }

    public void Dispose()
    {
        foreach (var network in _namespaces)
        {
            network.Dispose();
            _ = NetworkNamespace.Delete(network.Name!);
        }
    }

    /// <summary>Removes what a killed run left: names whose process is no more.</summary>
    private static void Sweep()
    {
        lock (s_sweep)
        {
            if (s_swept)
            {
                return;
            }

            s_swept = true;
            foreach (var file in Directory.Exists(NetworkNamespace.Root) ? Directory.GetFiles(NetworkNamespace.Root, $"{Prefix}*") : [])
            {
                var name = Path.GetFileName(file);
                var owner = name[Prefix.Length..].Split('-')[0];
                if (!Directory.Exists($"/proc/{owner}"))
                {
                    _ = NetworkNamespace.Delete(name);
                }
            }
        }
    }
}
