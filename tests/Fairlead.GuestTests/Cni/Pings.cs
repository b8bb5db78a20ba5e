using System.Net;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology.Probes;

namespace Fairlead.GuestTests.Cni;

/// <summary>Echo requests from a namespace.</summary>
internal static class Pings
{
    /// <summary>Whether one of some requests is answered: the first may be lost while a port of a bridge comes up.</summary>
    public static async Task<bool> ReachesAsync(NetworkNamespace from, IPAddress to, int times, CancellationToken ct)
    {
        using var ping = new Ping(to, from, TimeProvider.System);
        for (var sequence = 1; sequence <= times; sequence++)
        {
            if ((await ping.SendAsync(sequence, TimeSpan.FromSeconds(1), ct)).IsReply)
            {
                return true;
            }
        }

        return false;
    }
}
