using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Fairlead.Topology.Containers.State;

/// <summary>The folder of all containers and their networks, readable by its owner alone.</summary>
/// <remarks>Every file is replaced as a whole. Whoever changes anything holds the lock, a lock of the kernel's that ends with its holder.</remarks>
public sealed class ContainerStore
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_lockRetry = TimeSpan.FromMilliseconds(10);

    private readonly TimeProvider _time;

    /// <param name="folder">The folder; made when something is first written.</param>
    /// <param name="time">For waiting on the lock.</param>
    public ContainerStore(string folder, TimeProvider time) => (Folder, _time) = (folder, time);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    internal string Hosts(string network) => Path.Combine(Folder, "networks", $"{network}.hosts");

    internal string FolderOf(string id) => Path.Combine(Folder, "containers", id);

    internal string FileOf(string id, string name) => Path.Combine(FolderOf(id), name);

    /// <summary>The log of a container.</summary>
    public string LogOf(string id) => FileOf(id, "output.log");

    private string SettingsFile => Path.Combine(Folder, "host.json");

    /// <summary>Waits for the right to change anything.</summary>
    internal async Task<IDisposable> LockAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(Folder, OwnerOnly);
        File.SetUnixFileMode(Folder, OwnerOnly);
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.GetType() == typeof(IOException))
            {
                await Task.Delay(s_lockRetry, _time, ct);
            }
        }
    }

    /// <summary>All containers, by the time of their creation.</summary>
    public IReadOnlyList<ContainerRecord> Containers()
    {
        var folder = Path.Combine(Folder, "containers");
        return !Directory.Exists(folder)
            ? []
            : [.. Directory.GetDirectories(folder)
                .Select(d => Read(Path.Combine(d, "container.json"), ContainerJson.Default.ContainerRecord)).OfType<ContainerRecord>()
                .OrderBy(c => c.Created).ThenBy(c => c.Id, StringComparer.Ordinal)];
    }

    /// <summary>All networks that have a bridge, by name.</summary>
    public IReadOnlyList<NetworkRecord> Networks()
    {
        var folder = Path.Combine(Folder, "networks");
        return !Directory.Exists(folder)
            ? []
            : [.. Directory.GetFiles(folder, "*.json")
                .Select(f => Read(f, ContainerJson.Default.NetworkRecord)).OfType<NetworkRecord>().OrderBy(n => n.Name, StringComparer.Ordinal)];
    }

    internal void Save(ContainerRecord container)
    {
        Directory.CreateDirectory(FolderOf(container.Id), OwnerOnly);
        Unsettle();
        Write(FileOf(container.Id, "container.json"), container, ContainerJson.Default.ContainerRecord);
    }

    internal void Save(NetworkRecord network)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "networks"), OwnerOnly);
        Unsettle();
        Write(NetworkFile(network.Name), network, ContainerJson.Default.NetworkRecord);
    }

    /// <summary>The record goes first: a folder without one is nobody's.</summary>
    internal void Delete(ContainerRecord container)
    {
        Unsettle();
        File.Delete(FileOf(container.Id, "container.json"));
        Directory.Delete(FolderOf(container.Id), recursive: true);
    }

    internal void Delete(NetworkRecord network)
    {
        Unsettle();
        File.Delete(NetworkFile(network.Name));
        File.Delete(Hosts(network.Name));
    }

    /// <summary>Removes folders that a killed creation or deletion left without a record.</summary>
    internal void SweepFolders()
    {
        var folder = Path.Combine(Folder, "containers");
        foreach (var stray in Directory.Exists(folder) ? Directory.GetDirectories(folder).Where(d => !File.Exists(Path.Combine(d, "container.json"))) : [])
        {
            Directory.Delete(stray, recursive: true);
        }
    }

    internal HostSettings? Settings() => Read(SettingsFile, ContainerJson.Default.HostSettings);

    internal void Save(HostSettings? settings)
    {
        if (settings is null)
        {
            File.Delete(SettingsFile);
        }
        else
        {
            Write(SettingsFile, settings, ContainerJson.Default.HostSettings);
        }
    }

    /// <summary>Whether records have changed and the kernel has not been made to agree with them since: a process was killed between the two.</summary>
    internal bool IsUnsettled => File.Exists(UnsettledFile);

    /// <summary>Notes that the kernel agrees with the records.</summary>
    internal void NoteSettled() => File.Delete(UnsettledFile);

    private string UnsettledFile => Path.Combine(Folder, "unsettled");

    private void Unsettle() => File.WriteAllBytes(UnsettledFile, []);

    /// <summary>Writes the names and addresses of a network's members, which their resolvers read.</summary>
    internal void SaveHosts(string network, string text) => Replace(Hosts(network), System.Text.Encoding.UTF8.GetBytes(text));

    private string NetworkFile(string name) => Path.Combine(Folder, "networks", $"{name}.json");

    private static void Write<T>(string path, T value, JsonTypeInfo<T> type) => Replace(path, JsonSerializer.SerializeToUtf8Bytes(value, type));

    private static void Replace(string path, byte[] bytes)
    {
        var next = path + ".next";
        File.WriteAllBytes(next, bytes);
        File.Move(next, path, overwrite: true);
    }

    private static T? Read<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new ContainerException($"{path} cannot be read: {e.Message}", $"remove {path}, and then what it spoke of with 'fairlead cleanup'");
        }
    }
}
