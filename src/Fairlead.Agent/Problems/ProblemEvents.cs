using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Agent.Problems;

/// <summary>Writes what is wrong with this node as Events of its Node object, where <c>kubectl describe node</c> shows it.</summary>
/// <remarks>
/// An Event is lost while the API server is away, and expires after an hour. So what stands is said again now and then (the same
/// Event with a higher count), and when something else is over, which the server's absence may have been.
/// </remarks>
internal sealed class ProblemEvents(string node, Snapshot<ProblemBoard.Standing> problems, EventRecorder events, TimeProvider time)
{
    private static readonly TimeSpan s_again = TimeSpan.FromMinutes(10);

    // As the kubelet writes it: its name stands for its uid, and kubectl describe looks for both.
    private readonly ObjectReference _about = new() { ApiVersion = "v1", Kind = "Node", Name = node, Uid = node };

    public async Task RunAsync(CancellationToken ct)
    {
        var said = new ProblemBoard.Standing([]);
        while (true)
        {
            var now = problems.Current;
            var over = said.All.Except(now.All).Where(IsHere).ToList();
            foreach (var problem in over)
            {
                events.Record(_about, "Normal", "ProblemOver", $"{problem.Reason}: {problem.Message}");
            }

            var again = over.Count > 0 || ReferenceEquals(now, said);
            foreach (var problem in (again ? now.All : now.All.Except(said.All)).Where(IsHere))
            {
                events.Record(_about, "Warning", problem.Reason, problem.Message);
            }

            said = now;
            await problems.ChangedAsync(now).WaitAsync(s_again, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }

        static bool IsHere(Problem problem) => problem.Node is null;
    }
}
