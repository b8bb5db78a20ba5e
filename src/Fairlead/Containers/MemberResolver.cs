using Fairlead.Dns;
using Fairlead.Topology.Containers;

namespace Fairlead.Containers;

/// <summary>The resolver of one container: it listens in the container's network stack, and asks the rest of the world from the host's.</summary>
internal sealed class MemberResolver : IContainerResolver
{
    private readonly CancellationTokenSource _stopping;
    private Task<int> _serving = Task.FromResult(0);

    public int Port { get; private init; }

    public static async Task<MemberResolver> StartAsync(ResolverRequest request, TimeProvider time, CancellationToken ct)
    {
        var stopping = new CancellationTokenSource();
        var started = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new StringWriter();
        var serving = DnsRole.RunAsync(
            new DnsOptions
            {
                Conf = "members",
                ConfText = Corefile(request),
                Quiet = true,
                Output = said,
                Time = time,
                OpenIn = request.Inside.Run,
                Started = server => started.SetResult(server.EndPoints[0].Port),
            },
            stopping.Token);
        if (await Task.WhenAny(started.Task, serving).WaitAsync(ct) == serving)
        {
            stopping.Dispose();
            throw new ContainerException($"the container's resolver could not start: {said.ToString().Trim()}");
        }

        return new MemberResolver(stopping) { Port = await started.Task, _serving = serving };
    }

    private MemberResolver(CancellationTokenSource stopping) => _stopping = stopping;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _serving;
        _stopping.Dispose();
    }

    /// <summary>Names of members first, everything else upstream. Members come and go, so their answers are not to be kept for long.</summary>
    internal static string Corefile(ResolverRequest request)
    {
        var members = request.Members is { } file ? $"    hosts {file} {{\n        ttl 1\n        reload 100ms\n        fallthrough\n    }}\n" : "";
        var forward = request.Upstreams.Count > 0 ? $"    forward . {string.Join(' ', request.Upstreams)}\n" : "";
        return $".:0 {{\n    bind 127.0.0.11\n{members}{forward}}}\n";
    }
}
