using System.Collections.Immutable;
using Fairlead.Topology.State;

namespace Fairlead.Topology.Plans;

/// <summary>Writes a file that brings the topology back after a boot.</summary>
internal sealed record WriteFile(string Host, PersistedFile? Before, PersistedFile After) : TopologyStep(Host)
{
    public override char Sign => Before is null ? '+' : '~';

    public override string What => $"file {After.Path}";
}

/// <summary>Removes such a file.</summary>
internal sealed record RemoveFile(string Host, PersistedFile Before) : TopologyStep(Host)
{
    public override char Sign => '-';

    public override string What => $"file {Before.Path}";
}

/// <summary>The steps from the files that are there to those that shall be.</summary>
internal static class FilePlanner
{
    public static ImmutableArray<TopologyStep> Plan(string host, ImmutableArray<PersistedFile> desired, IEnumerable<string> written)
        =>
        [
            .. desired.Select(f => (Before: PersistedFile.Find(f.Path), After: f)).Where(f => f.Before != f.After).Select(f => new WriteFile(host, f.Before, f.After)),
            .. written.Except(desired.Select(f => f.Path), StringComparer.Ordinal).Select(PersistedFile.Find).OfType<PersistedFile>()
                .Where(f => PersistOptions.IsOurs(f.Content)).Select(f => new RemoveFile(host, f)),
        ];

    /// <summary>Files of others in the place of ours.</summary>
    public static ImmutableArray<TopologyDiagnostic> Conflicts(IEnumerable<TopologyStep> steps)
        => [.. steps.OfType<WriteFile>().Where(s => s.Before is { } before && !PersistOptions.IsOurs(before.Content))
            .Select(s => new TopologyDiagnostic(s.After.Path, "there is a file that is not Fairlead's", "move it away"))];

    public static void Run(IEnumerable<TopologyStep> steps)
    {
        foreach (var step in steps)
        {
            switch (step)
            {
                case WriteFile write:
                    write.After.Write();
                    break;
                case RemoveFile remove:
                    File.Delete(remove.Before.Path);
                    break;
            }
        }
    }

    /// <summary>Puts back what was there.</summary>
    public static void Undo(IEnumerable<TopologyStep> steps)
    {
        foreach (var step in steps)
        {
            switch (step)
            {
                case WriteFile { Before: null } made:
                    File.Delete(made.After.Path);
                    break;
                case WriteFile { Before: { } before }:
                    before.Write();
                    break;
                case RemoveFile removed:
                    removed.Before.Write();
                    break;
            }
        }
    }
}
