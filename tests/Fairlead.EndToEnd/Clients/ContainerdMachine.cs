using System.Diagnostics;
using Fairlead.EndToEnd.Clients.Cri;
using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd.Clients;

/// <summary>A machine with containerd, whose CRI makes pods' networks with our plugins, by the configuration of docs/cni.md.</summary>
public sealed class ContainerdMachine : IAsyncLifetime
{
    private const string Socket = "/run/containerd/containerd.sock";

    /// <summary>What a test has to say to containerd that a real node has not: whose image a sandbox is, and that not all of root's rights are there.</summary>
    private const string HereOnly = $"""

        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{ContainerImage.Name}"
          restrict_oom_score_adj = true
        """;

    /// <summary>Between containerd and the plugins: writes down each call, and passes it on.</summary>
    private const string Recorder = """
        #!/bin/sh
        echo "$(basename "$0") $CNI_COMMAND $CNI_IFNAME ${CNI_NETNS:+netns}" >> /run/calls
        exec "/opt/ours/$(basename "$0")"
        """;

    private Process? _daemon;

    public RuntimeMachine Machine { get; private set; } = null!;

    internal CriClient Cri { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Machine = await RuntimeMachine.StartAsync("containerd", "ctr", "runc");
        ContainerImage.Write(Path.Combine(Machine.Home, "image.tar"));
        await Machine.Sh("mkdir -p /etc/containerd; cat > /etc/containerd/config.toml", DocumentSession.Block("docs/cni.md", "With containerd", "toml") + HereOnly).OkAsync();
        await Machine.Sh("cat > /etc/cni/net.d/10-pods.conflist", DocumentSession.Block("docs/cni.md", "With containerd", "json")).OkAsync();
        await Machine.Sh("fairlead cni install /opt/ours && mkdir -p /opt/cni/bin && cat > /opt/cni/recorder && chmod 755 /opt/cni/recorder && for p in /opt/ours/*; do ln -s ../recorder /opt/cni/bin/$(basename $p); done", Recorder).OkAsync();
        _daemon = Machine.Start("exec containerd > /run/containerd.log 2>&1");
        await ReadyAsync();
        await Machine.Sh($"ctr -n k8s.io images import {Machine.Home}/image.tar").OkAsync();
        Cri = new CriClient(Machine.Inside(Socket));
    }

    public async ValueTask DisposeAsync()
    {
        Cri?.Dispose();
        if (Machine is not null)
        {
            await Machine.DisposeAsync();
        }

        _daemon?.Dispose();
    }

    public async Task<string> LogAsync() => await Machine.Sh("tail -n 20 /run/containerd.log").OkAsync();

    /// <summary>Waits for the daemon to listen, as a script would: by asking it.</summary>
    private async Task ReadyAsync()
    {
        var asked = await Machine.Sh("for i in $(seq 150); do ctr version > /dev/null 2>&1 && exit 0; sleep 0.2; done; exit 1");
        Assert.True(asked.ExitCode == 0, await LogAsync());
    }
}
