using System.Net;
using Fairlead.Agent.CniConfig;

namespace Fairlead.Agent.Ipam;

/// <summary>Which addresses this node's pods hold, as the plugin's store has them: a file for each.</summary>
internal static class HeldAddresses
{
    public static string FolderOf(string stateFolder) => Path.Combine(stateFolder, "cni", "networks");

    /// <summary>None where no pod has been here yet.</summary>
    public static IReadOnlyCollection<IPAddress> Read(string stateFolder)
    {
        var folder = Path.Combine(FolderOf(stateFolder), CniConflist.Network);
        return Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder).Select(f => IPAddress.TryParse(Path.GetFileName(f), out var address) ? address : null).OfType<IPAddress>()]
            : [];
    }
}
