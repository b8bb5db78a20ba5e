namespace Fairlead.ApiServer.Storage;

/// <summary>Where objects are kept over a restart. Written by one thread only.</summary>
internal interface IJournal : IDisposable
{
    /// <summary>The newest version ever given out, deletions included.</summary>
    long LastVersion { get; }

    IEnumerable<JournalEntry> Load();

    /// <summary>Writes all changes or none. When it returns, a killed process has lost nothing of them.</summary>
    void Commit(IReadOnlyList<JournalEntry> changes);
}

/// <summary>One change of one object; no <see cref="Json"/> means that it was deleted.</summary>
internal readonly record struct JournalEntry(string Resource, string Key, long Version, byte[]? Json);

/// <summary>A journal that keeps nothing: the objects live as long as the process.</summary>
internal sealed class MemoryJournal : IJournal
{
    public long LastVersion => 0;

    public IEnumerable<JournalEntry> Load() => [];

    public void Commit(IReadOnlyList<JournalEntry> changes)
    {
    }

    public void Dispose()
    {
    }
}
