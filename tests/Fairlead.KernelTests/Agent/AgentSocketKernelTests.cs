using System.Net.Sockets;
using System.Text.Json.Nodes;
using Fairlead.Agent.Pods;
using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>The plugin and the agent's socket: who does the work, and what stays of it.</summary>
public sealed class AgentSocketKernelTests : IDisposable
{
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    private string Socket => Path.Combine(_node.Folder, "run", "cni.sock");

    private string PolicyFile => Path.Combine(_node.Folder, "policy-namespaces");

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task An_agent_that_listens_does_the_work_and_is_asked_before_the_cable_is_there()
    {
        Write();
        var gate = new Gate(_ => Assert.Empty(_node.Cables()));
        await using var agent = Start(gate);
        var pod = await _node.AddPodAsync(ct: _ct);

        var admitted = Assert.Single(gate.Admitted);
        Assert.Equal(("app-space", "pod-1", pod.Attachment.Key), (admitted.Namespace, admitted.Name, admitted.Key));
        Assert.Equal([pod.Address], admitted.Addresses);
        Assert.Single(_node.Cables());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        await _node.Runtime.CheckAsync(pod.Attachment, _ct);
        await _node.Runtime.DelAsync(pod.Attachment, _ct);
        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task A_plugin_that_the_agent_starts_for_addresses_does_not_ask_the_agent_again()
    {
        // Another file than the plugin's own: it is started, with the same configuration, in which the agent's socket stands.
        var copy = Path.Combine(_node.PluginFolder, "host-local");
        File.Delete(copy);
        File.Copy(PublishedPlugins.Executable, copy);
        Write();
        File.WriteAllText(PolicyFile, "app-space\n");
        await using var agent = Start(new Gate());

        var pod = await _node.AddPodAsync(ct: _ct);

        Assert.Equal([pod.Address], Assert.Single(agent.Gate.Admitted).Addresses);
        await _node.Runtime.DelAsync(pod.Attachment, _ct);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task Many_at_once_each_get_an_address_of_their_own()
    {
        Write();
        await using var agent = Start(new Gate());

        var pods = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => _node.AddPodAsync(ct: _ct)));

        Assert.Equal(24, pods.Select(p => p.Address).Distinct().Count());
        Assert.Equal(24, agent.Gate.Admitted.Count);
    }

    [Fact]
    public async Task Without_an_agent_the_plugin_works_alone_and_with_the_same_addresses()
    {
        Write();
        var first = await _node.AddPodAsync(ct: _ct); // no socket at all
        var agent = Start(new Gate());
        var second = await _node.AddPodAsync(ct: _ct);
        await agent.DisposeAsync();
        var third = await _node.AddPodAsync(ct: _ct); // nobody behind the socket
        await _node.Runtime.DelAsync(second.Attachment, _ct);

        Assert.Equal(["10.32.0.2", "10.32.0.3", "10.32.0.4"], new[] { first, second, third }.Select(p => $"{p.Address}"));
        Assert.Equal(2, _node.Cables().Length);
        Assert.Equal(2, _node.Reserved().Length);
    }

    [Fact]
    public async Task What_an_agent_has_begun_and_did_not_live_to_finish_is_done_again()
    {
        Write();
        var request = await TakeAndLeaveAsync(half: true);

        Assert.Equal("ADD", request);
        var reserved = Assert.Single(_node.Reserved());
        Assert.Equal("10.32.0.3", reserved); // the agent's own went back
        Assert.Single(_node.Cables());
    }

    [Fact]
    public async Task What_an_agent_refuses_leaves_nothing()
    {
        Write();
        await using var agent = Start(new Gate(_ => throw new CniException(CniErrorCode.TryAgainLater, "not yet")));

        var refusal = await Assert.ThrowsAsync<CniException>(() => _node.AddPodAsync(ct: _ct));

        Assert.Equal(CniErrorCode.TryAgainLater, refusal.Code);
        Assert.Contains("not yet", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
        Assert.Empty(agent.Pods.Attached.Current.Pods);
    }

    [Fact]
    public async Task Without_an_agent_a_pod_whose_namespace_has_policies_is_not_plugged_in()
    {
        Write();
        PolicyNamespaces.Write(PolicyFile, ["shop", "app-space"]);

        var refusal = await Assert.ThrowsAsync<CniException>(() => _node.AddPodAsync(ct: _ct));
        Assert.Equal(CniErrorCode.TryAgainLater, refusal.Code);
        Assert.Contains("namespace app-space has network policies", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Reserved());

        PolicyNamespaces.Write(PolicyFile, ["shop"]);
        await _node.AddPodAsync(ct: _ct);
    }

    [Fact]
    public async Task An_agent_that_starts_knows_the_pods_that_are_there()
    {
        Write();
        var alone = await _node.AddPodAsync(ct: _ct);
        await using var agent = Start(new Gate());
        agent.Pods.ReadBack();

        var (key, pod) = Assert.Single(agent.Pods.Attached.Current.Pods);
        Assert.Equal(("app-space/pod-1", $"{alone.Address}"), ($"{key}", $"{pod.Addresses[0]}"));

        NetworkNamespace.Delete(alone.Network.Name!); // with its end of the cable
        alone.Network.Dispose();
        await Eventually.TrueAsync(() => _node.Cables().Length == 0, _ct);
        agent.Pods.ReadBack();
        Assert.Empty(agent.Pods.Attached.Current.Pods);
    }

    [Fact]
    public async Task Addresses_of_pods_that_are_no_more_come_back_and_no_others()
    {
        Write();
        var pods = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _node.AddPodAsync(ct: _ct)));
        var (lives, unplugged, gone, young) = (pods[0], pods[1], pods[2], pods[3]);
        foreach (var pod in new[] { lives, unplugged, gone })
        {
            File.SetLastWriteTimeUtc(Path.Combine(_node.DataFolder, "pods", $"{pod.Address}"), DateTime.UnixEpoch);
        }

        using (var routes = RouteSocket.Open(_node.Network))
        {
            // Somebody took away its cable; its namespace lives, and the runtime knows it.
            Assert.True(routes.TryDeleteLink(unplugged.Result.Interfaces[1].Name));
            Assert.True(routes.TryDeleteLink(gone.Result.Interfaces[1].Name));
            Assert.True(routes.TryDeleteLink(young.Result.Interfaces[1].Name));
        }

        NetworkNamespace.Delete(gone.Network.Name!);
        NetworkNamespace.Delete(young.Network.Name!);
        var lost = NodeAttachments.GiveBackLost("pods", _node.DataFolder, _node.Network, _node.Runtime.Attachments(), TimeProvider.System);

        Assert.Equal([(gone.Address, gone.Attachment.Key)], lost);
        Assert.Equal(pods.Except([gone]).Select(p => $"{p.Address}").Order(StringComparer.Ordinal), _node.Reserved());
        Assert.Empty(NodeAttachments.GiveBackLost("pods", _node.DataFolder, _node.Network, _node.Runtime.Attachments(), TimeProvider.System));
        await _node.Runtime.DelAsync(gone.Attachment, _ct); // comes late, and is fine
        Assert.DoesNotContain($"{(await _node.AddPodAsync(ct: _ct)).Address}", new[] { lives, unplugged, young }.Select(p => $"{p.Address}"));
    }

    [Fact]
    public async Task An_address_that_an_annotation_asks_for_is_given_or_refused_by_name()
    {
        Write();
        await using var agent = Start(new Gate());
        var (_, first) = Annotated("10.32.0.50");
        Assert.Equal("10.32.0.50", $"{(await _node.Runtime.AddAsync(first, _ct)).Addresses[0].Address}");

        var refusal = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(Annotated("10.32.0.50").Attachment, _ct));
        Assert.Contains($"requested address 10.32.0.50 is in use by container {first.ContainerId}", refusal.Message, StringComparison.Ordinal);
        refusal = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(Annotated("10.99.0.1").Attachment, _ct));
        Assert.Contains("requested addresses are in no range: 10.99.0.1; there is 10.32.0.1-10.32.0.254", refusal.Message, StringComparison.Ordinal);
        Assert.Single(_node.Reserved());
    }

    [Fact]
    public async Task An_agent_started_beside_another_serves_once_that_one_has_ended()
    {
        Write();
        var old = Start(new Gate());
        await using var young = Start(new Gate(), waits: true);
        try
        {
            await _node.AddPodAsync(ct: _ct);
            Assert.Single(old.Gate.Admitted);
            Assert.Empty(young.Gate.Admitted);
        }
        finally
        {
            await old.DisposeAsync();
        }

        while (!File.Exists(Socket))
        {
            await Task.Delay(20, _ct);
        }

        await _node.AddPodAsync(ct: _ct);
        Assert.Single(young.Gate.Admitted);
        Assert.Single(old.Gate.Admitted);
    }

    [Fact]
    public async Task What_is_no_call_is_closed_without_an_answer()
    {
        Write();
        await using var agent = Start(new Gate());
        foreach (var nonsense in new[] { "hello", "{}", """{"program":1}""", new string('x', PluginRequest.MaximumSize + 1) })
        {
            using var socket = await ConnectAsync();
            try
            {
                await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(nonsense), _ct);
                socket.Shutdown(SocketShutdown.Send);
                Assert.Equal(0, await socket.ReceiveAsync(new byte[1], _ct));
            }
            catch (SocketException)
            {
                // Closed before it had sent all.
            }
        }

        await _node.AddPodAsync(ct: _ct);
        Assert.Single(agent.Gate.Admitted);
    }

    private (NetworkNamespace Network, CniAttachment Attachment) Annotated(string addresses)
    {
        var (network, attachment) = _node.NewPod();
        return (network, attachment with
        {
            Capabilities = attachment.Capabilities.Add("io.kubernetes.cri.pod-annotations", new JsonObject { ["fairlead.dev/ip"] = addresses }),
        });
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var address = new SocketPath(Socket);
        await socket.ConnectAsync(address.EndPoint, _ct);
        return socket;
    }

    /// <summary>Plays an agent that is killed: takes one call, does it, and goes without a word; then nobody listens.</summary>
    private async Task<string> TakeAndLeaveAsync(bool half)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Socket)!);
        using var address = new SocketPath(Socket);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address.EndPoint);
        listener.Listen();
        var adding = _node.AddPodAsync(ct: _ct);
        using (var peer = await listener.AcceptAsync(_ct))
        {
            using var text = new MemoryStream();
            await new NetworkStream(peer).CopyToAsync(text, _ct);
            Assert.True(PluginRequest.TryParse(text.ToArray(), out var request));
            Assert.Equal(0, await Task.Run(() => PluginWork.Run(request, null, _node.Network, TextWriter.Null).ExitCode, _ct));
            listener.Dispose();
            peer.Dispose();
            await adding;
            return PluginWork.Subject(request).Verb;
        }
    }

    private void Write() => _node.WriteList("pods", "1.0.0", new JsonObject
    {
        ["type"] = "fairlead",
        ["agent"] = Socket,
        ["policyNamespaces"] = PolicyFile,
        ["bridge"] = "cni0",
        ["isDefaultGateway"] = true,
        ["firewall"] = false,
        ["capabilities"] = new JsonObject { ["io.kubernetes.cri.pod-annotations"] = true },
        ["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.32.0.0/24", ["dataDir"] = _node.DataFolder },
    });

    private Running Start(Gate gate, bool waits = false)
    {
        var pods = new LocalPods("pods", _node.DataFolder, _node.Network);
        return new Running(
            gate, pods, Socket, new CniSocketServer(Socket, _node.Network, pods, gate, TimeProvider.System, NullLogger<CniSocketServer>.Instance), waits);
    }

    /// <summary>A server that runs.</summary>
    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;
        private readonly CniSocketServer _server;

        public Running(Gate gate, LocalPods pods, string path, CniSocketServer server, bool waits)
        {
            (Gate, Pods, _server) = (gate, pods, server);
            _running = server.RunAsync(_stop.Token);
            Assert.True(_running.IsCompleted ? throw _running.Exception! : waits || File.Exists(path));
        }

        public Gate Gate { get; }

        public LocalPods Pods { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _server.Dispose();
            _stop.Dispose();
        }
    }

    /// <summary>Notes who is admitted.</summary>
    private sealed class Gate(Action<PodAttachment>? check = null) : IPodAdmission
    {
        public System.Collections.Concurrent.ConcurrentQueue<PodAttachment> Admitted { get; } = new();

        public void Admit(PodAttachment pod)
        {
            check?.Invoke(pod);
            Admitted.Enqueue(pod);
        }
    }
}
