using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Cni;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Agent;

/// <summary>The agent of an <see cref="AgentNode"/> as a process of its own, which can be killed.</summary>
internal sealed class AgentChild : IDisposable
{
    private const int ApiPort = 18080;
    private readonly AgentNode _node;
    private readonly Socket _listener;

    public AgentChild(AgentNode node)
    {
        _node = node;
        _listener = node.Node.Network.Listen(IPAddress.Loopback, ApiPort);
        _ = RelayAsync();
        File.WriteAllText(KubeConfig, $"""
            apiVersion: v1
            kind: Config
            clusters: [{"{"}name: a, cluster: {"{"}server: "http://127.0.0.1:{ApiPort}"{"}"}{"}"}]
            contexts: [{"{"}name: a, context: {"{"}cluster: a, user: a{"}"}{"}"}]
            users: [{"{"}name: a, user: {"{}"}{"}"}]
            current-context: a
            """);
    }

    public string Log => Path.Combine(_node.Node.Folder, "agent.log");

    private string KubeConfig => Path.Combine(_node.Node.Folder, "kubeconfig");

    public ProcessHandle Start()
    {
        File.Delete(_node.Socket); // whether the new one listens is to be seen
        using var log = AppendFile.Open(Log);
        var options = _node.Options;
        return ProcessHandle.Start(new SpawnOptions
        {
            Executable = Path.Combine(AppContext.BaseDirectory, "fairlead"),
            Arguments =
            [
                "agent", "--kubeconfig", KubeConfig, "--node-name", options.NodeName, "--cni-conf-dir", options.CniConfDir, "--cni-bin-dir", options.CniBinDir,
                "--state-dir", options.StateDir, "--cni-socket", options.CniSocket, "--cni-cache-dir", _node.Node.CacheFolder,
                "--cluster-cidr", $"{options.ClusterCidr}", "--service-cidr", $"{options.ServiceCidr}", "--proxy-mode", "none", "--health-port", "0",
            ],
            Network = _node.Node.Network,
            Output = log,
            Error = log,
        });
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>Brings what comes on the node's loopback to the API server's socket.</summary>
    private async Task RelayAsync()
    {
        try
        {
            while (true)
            {
                _ = RelayAsync(await _listener.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private async Task RelayAsync(Socket client)
    {
        try
        {
            using var here = new NetworkStream(client, ownsSocket: true);
            using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_node.Api.Socket));
            using var there = new NetworkStream(server, ownsSocket: true);
            await Task.WhenAny(here.CopyToAsync(there), there.CopyToAsync(here));
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // The agent was killed.
        }
    }
}
