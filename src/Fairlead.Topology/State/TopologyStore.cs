using System.Text.Json;

namespace Fairlead.Topology.State;

/// <summary>The folder with a record of each topology on this machine, and a lock for each.</summary>
public sealed class TopologyStore(string folder)
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>How long another process may take.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <summary>The usual one: <c>$XDG_STATE_HOME/fairlead/net</c>, by default <c>~/.local/state/fairlead/net</c>.</summary>
    public static TopologyStore Default()
    {
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (string.IsNullOrEmpty(state) || !Path.IsPathRooted(state))
        {
            var home = Environment.GetEnvironmentVariable("HOME");
            state = Path.Combine(string.IsNullOrEmpty(home) ? "/root" : home, ".local", "state");
        }

        return new TopologyStore(Path.Combine(state, "fairlead", "net"));
    }

    public string Folder { get; } = folder;

    /// <summary>The topologies that there is a record of, sorted.</summary>
    public IReadOnlyList<string> Names()
        => Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)] : [];

    /// <summary>The namespace of a host of a topology that was applied, or null where there is none of that name, or it is not known which.</summary>
    public string? FindNamespace(string host)
    {
        var found = Names().Select(Read).Select(r => r?.Namespaces.GetValueOrDefault(host)).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        return found is [var one] ? one : null;
    }

    /// <summary>Waits until no other process works on the topology; the lock ends with the process, however that ends.</summary>
    public async Task<IDisposable> LockAsync(string name, TimeProvider time, CancellationToken ct)
    {
        _ = Directory.CreateDirectory(Folder);
        var begun = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Folder, $"{name}.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (time.GetElapsedTime(begun) < s_patience && e is not (DirectoryNotFoundException or PathTooLongException))
            {
                await Task.Delay(s_pollInterval, time, ct);
            }
        }
    }

    internal TopologyRecord? Read(string name)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(PathOf(name)), TopologyRecordJson.Default.TopologyRecord);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new IOException($"{PathOf(name)} is no record of a topology: {e.Message}", e);
        }
    }

    /// <summary>Writes the record whole: a reader or a crash finds the old one or the new one.</summary>
    internal void Write(TopologyRecord record)
    {
        _ = Directory.CreateDirectory(Folder);
        var draft = Path.Combine(Folder, $".{record.Name}.draft");
        File.WriteAllText(draft, JsonSerializer.Serialize(record, TopologyRecordJson.Default.TopologyRecord));
        File.Move(draft, PathOf(record.Name), overwrite: true);
    }

    internal void Remove(string name)
    {
        if (Directory.Exists(Folder))
        {
            File.Delete(PathOf(name));
        }
    }

    private string PathOf(string name) => Path.Combine(Folder, $"{name}.json");
}
