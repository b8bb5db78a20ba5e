using System.Collections.Concurrent;
using Fairlead.Agent.Problems;
using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;
using Microsoft.Extensions.Logging;

namespace Fairlead.Tests.Agent;

/// <summary>What is wrong on a node is said once in the log, stands in <c>/readyz</c> while it lasts, and is an Event of the Node.</summary>
public sealed class ProblemBoardTests
{
    private static readonly Problem s_shadowed = new("OtherNetwork", "05-other.conflist comes first; remove it");
    private static readonly Problem s_overlap = new("PodRangeOverlapsRoute", "10.32.1.0/24 overlaps a route; remove it", Blocks: true);

    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    [Fact]
    public void A_problem_is_logged_when_it_comes_and_when_it_goes_and_not_in_between()
    {
        var log = new Lines();
        var board = new ProblemBoard(log);

        board.Set("a", s_overlap);
        board.Set("a", s_overlap);
        board.Set("b", s_shadowed);
        board.Set("a");
        board.Set("a");

        Assert.Equal(
            [
                $"Error PodRangeOverlapsRoute: {s_overlap.Message}", $"Warning OtherNetwork: {s_shadowed.Message}",
                $"Information Over: PodRangeOverlapsRoute: {s_overlap.Message}",
            ],
            log.All);
    }

    [Fact]
    public void The_page_has_a_line_for_each_problem_and_only_what_stops_pods_blocks()
    {
        var board = new ProblemBoard(new Lines());
        Assert.Equal("", board.Render());

        board.Set("config", s_shadowed);
        Assert.False(board.Blocks);
        board.Set("range", s_overlap);

        Assert.True(board.Blocks);
        Assert.Equal($"[!]OtherNetwork: {s_shadowed.Message}\n[-]PodRangeOverlapsRoute: {s_overlap.Message}\n", board.Render());
    }

    [Fact]
    public void What_two_sources_say_stands_until_both_have_taken_it_back()
    {
        var board = new ProblemBoard(new Lines());
        board.Set("a", s_overlap);
        board.Set("b", s_overlap);
        board.Set("a");
        Assert.Equal([s_overlap], board.Problems.Current.All);

        board.Set("b");
        Assert.Empty(board.Problems.Current.All);
    }

    [Fact]
    public async Task Problems_of_this_node_are_events_of_its_object_and_those_of_others_are_theirs()
    {
        await using var api = await FakeApi.StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        var board = new ProblemBoard(new Lines());
        var recorder = new EventRecorder(api.Client, "fairlead-agent");
        var running = Task.WhenAll(recorder.RunAsync(stop.Token), new ProblemEvents("n1", board.Problems, recorder, TimeProvider.System).RunAsync(stop.Token));

        board.Set("peers", new Problem("InvalidVtep", "node n2 …", Node: "n2"), s_overlap);
        var warning = (await EventsAsync(api, 1)).Single();
        Assert.Equal(("Node", "n1", "Warning", s_overlap.Reason, s_overlap.Message), (warning.InvolvedObject.Kind, warning.InvolvedObject.Name, warning.Type, warning.Reason, warning.Message));

        board.Set("peers");
        var over = (await EventsAsync(api, 2)).Single(e => e.Type == "Normal");
        Assert.Equal("ProblemOver", over.Reason);
        Assert.Contains(s_overlap.Reason, over.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private async Task<IReadOnlyList<Event>> EventsAsync(FakeApi api, int count)
    {
        while (true)
        {
            var changed = api.ChangedAsync();
            if (api.All(KubeResources.Events) is { } events && events.Count >= count)
            {
                return events;
            }

            await changed.WaitAsync(_ct);
        }
    }

    private sealed class Lines : ILogger<ProblemBoard>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> All => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => _lines.Enqueue($"{logLevel} {formatter(state, exception)}");
    }
}
