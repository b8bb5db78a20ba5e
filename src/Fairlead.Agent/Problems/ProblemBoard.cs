using System.Collections.Immutable;
using System.Text;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Problems;

/// <summary>All that is wrong on this node, as each part sees it now: logged once when it comes and once when it goes, and shown in <c>/readyz</c>.</summary>
/// <remarks>Each source says all of its problems each time; what it no longer says is over. Safe for use by many parts at once.</remarks>
internal sealed partial class ProblemBoard(ILogger<ProblemBoard> logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ImmutableArray<Problem>> _sources = new(StringComparer.Ordinal);

    /// <summary>What stands, sorted.</summary>
    public Snapshot<Standing> Problems { get; } = new(new Standing([]));

    public bool Blocks => Problems.Current.All.Any(p => p.Blocks);

    /// <summary>Replaces what a source has said.</summary>
    public void Set(string source, params IEnumerable<Problem> problems)
    {
        lock (_lock)
        {
            var before = Problems.Current.All;
            _sources[source] = [.. problems.Distinct()];
            ImmutableArray<Problem> now =
            [
                .. _sources.Values.SelectMany(p => p).Distinct()
                    .OrderBy(p => p.Reason, StringComparer.Ordinal).ThenBy(p => p.Message, StringComparer.Ordinal),
            ];
            if (now.SequenceEqual(before))
            {
                return;
            }

            Problems.Publish(new Standing(now));
            foreach (var problem in now.Except(before))
            {
                Tell(problem);
            }

            foreach (var problem in before.Except(now))
            {
                LogOver(problem.Reason, problem.Message);
            }
        }
    }

    /// <summary>A line for each problem; nothing where there is none.</summary>
    public string Render()
    {
        var text = new StringBuilder();
        foreach (var problem in Problems.Current.All)
        {
            text.Append(problem.Blocks ? "[-]" : "[!]").Append(problem.Reason).Append(": ").Append(problem.Message).Append('\n');
        }

        return text.ToString();
    }

    private void Tell(Problem problem)
    {
        if (problem.Blocks)
        {
            LogError(problem.Reason, problem.Message);
        }
        else
        {
            LogWarning(problem.Reason, problem.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "{Reason}: {Message}")]
    private partial void LogError(string reason, string message);

    [LoggerMessage(LogLevel.Warning, "{Reason}: {Message}")]
    private partial void LogWarning(string reason, string message);

    [LoggerMessage(LogLevel.Information, "Over: {Reason}: {Message}")]
    private partial void LogOver(string reason, string message);

    /// <summary>The problems at one instant.</summary>
    internal sealed record Standing(ImmutableArray<Problem> All);
}
