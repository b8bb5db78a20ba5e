using Fairlead.Linux;

namespace Fairlead.Cni.Plugins;

/// <summary>Makes a change of nftables that holds only while nobody else changes anything: read, planned and committed again until it does.</summary>
internal static class NftRetry
{
    private const int Attempts = 1000;

    public static void Run(Action change)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                change();
                return;
            }
            catch (LinuxException e) when (e.Errno == Errno.Restart && attempt < Attempts)
            {
                // Somebody committed in between, which is progress: theirs now, ours next.
            }
        }
    }
}
