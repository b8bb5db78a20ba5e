using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Kube.Client;

/// <summary>Where the API server is, how it proves itself and how we do.</summary>
public sealed record KubeConfig
{
    /// <summary>The server's address, with scheme.</summary>
    public required Uri Server { get; init; }

    /// <summary>The namespace meant where none is named.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>The certificates that may have signed the server's; empty: those the machine trusts.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>The name that the server's certificate must have, if not the address's.</summary>
    public string? ServerName { get; init; }

    /// <summary>Our certificate with its key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Gives the bearer token for the next request; files are read again when they change.</summary>
    public Func<string?>? Token { get; init; }

    /// <summary>
    /// Opens the connection, in place of TCP to <see cref="Server"/>: a Unix socket, or a dial from another network namespace.
    /// </summary>
    public Func<CancellationToken, ValueTask<Stream>>? Dial { get; init; }

    /// <summary>Reads a kubeconfig file and takes its current context, or the one named.</summary>
    /// <exception cref="KubeConfigException">The file is missing or cannot be used; names file and field.</exception>
    public static KubeConfig Load(string path, string? context = null) => KubeConfigFile.Load(path, context);

    /// <summary>What a pod is given: the service account's token and the cluster's certificate.</summary>
    public static KubeConfig InCluster() => InClusterConfig.Read(Environment.GetEnvironmentVariable, InClusterConfig.Folder);

    /// <summary>The kubeconfig if one is named, else <c>$KUBECONFIG</c>, else in-cluster.</summary>
    public static KubeConfig Resolve(string? kubeconfig)
        => kubeconfig is { Length: > 0 } ? Load(kubeconfig)
            : Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } variable ? Load(variable)
            : InCluster();

    /// <summary>Plain HTTP over a Unix socket: whoever may open the socket is the cluster's administrator.</summary>
    public static KubeConfig UnixSocket(string path) => new()
    {
        Server = new Uri("http://localhost"),
        Dial = async ct =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
