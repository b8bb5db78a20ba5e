using System.Net;
using Fairlead.Dns;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>The host's own resolver on the lab's link, so that nodes, and by them the cluster DNS, resolve names of outside as the host does.</summary>
/// <remarks>
/// A host's <c>/etc/resolv.conf</c> often names an address of loopback (a local stub), which in a node's namespace would be the node itself.
/// A host without a resolver, or with a server of its own on the address, gets none of ours, and the lab works without.
/// </remarks>
internal sealed partial class ResolverStage(IPAddress address, TimeProvider time, ILogger<ResolverStage> logger) : ILabStage
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    public string Name => "resolver for the nodes";

    public Task StartAsync(CancellationToken ct)
    {
        _running = Task.Run(ServeAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task ServeAsync()
    {
        using var said = new StringWriter();
        var code = await DnsRole.RunAsync(
            new DnsOptions
            {
                Conf = "lab",
                ConfText = $".:53 {{\n    bind {address}\n    forward . /etc/resolv.conf\n    errors\n}}\n",
                Quiet = true,
                Output = said,
                Time = time,
            },
            _stopping.Token);
        if (code != 0)
        {
            LogNone(address, said.ToString().Trim());
        }
    }

    [LoggerMessage(LogLevel.Warning, "Nodes have no resolver at {Address}, so pods resolve names of the cluster only: {Why}")]
    private partial void LogNone(IPAddress address, string why);
}
