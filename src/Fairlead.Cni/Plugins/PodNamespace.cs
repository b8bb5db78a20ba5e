using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Cni.Plugins;

/// <summary>Opens the network namespace of the container that a call is for.</summary>
internal static class PodNamespace
{
    /// <exception cref="CniException">It is gone, is no namespace, or is the plugin's own.</exception>
    public static NetworkNamespace Open(CniEnvironment environment)
    {
        NetworkNamespace pod;
        try
        {
            pod = NetworkNamespace.OpenPath(environment.Namespace);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            throw new CniException(CniErrorCode.InvalidNetworkNamespace, $"CNI_NETNS: {environment.Namespace}: {e.Message}", inner: e);
        }

        using var own = NetworkNamespace.Current();
        if (own.Inode != pod.Inode)
        {
            return pod;
        }

        pod.Dispose();
        throw new CniException(
            CniErrorCode.InvalidNetworkNamespace, $"CNI_NETNS: {environment.Namespace} is the host's own namespace");
    }

    /// <summary>For DEL: null where there is nothing left of it, or where the path leads to the host's own.</summary>
    public static NetworkNamespace? Find(CniEnvironment environment)
    {
        try
        {
            return environment.Namespace.Length == 0 ? null : Open(environment);
        }
        catch (CniException)
        {
            return null;
        }
    }
}
