using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab.Pods.Leftovers;

/// <summary>What a lab's pods have made of the machine: one small file for each thing, written before the thing is made.</summary>
/// <remarks>
/// A killed lab leaves the files, and the next start removes what they name. A crash between a file and its thing leaves a name of
/// nothing, which is harmless; the other order would leave a thing without a name. The files survive a killed process, which is
/// all they have to survive: after a crash of the machine the things are gone, which the boot id in a process's file tells.
/// </remarks>
internal sealed class LeftoverRegistry
{
    public const string FolderName = "leftovers";

    private const string NamespacePrefix = "namespace.";
    private const string ProcessPrefix = "process.";
    private const string MountPrefix = "mount.";

    private readonly string _folder;

    public LeftoverRegistry(string stateDirectory)
    {
        _folder = Path.Combine(stateDirectory, FolderName);
        Directory.CreateDirectory(_folder);
    }

    public void AddNamespace(string name) => Write(NamespacePrefix + name, "");

    public void RemoveNamespace(string name) => Delete(NamespacePrefix + name);

    public IEnumerable<string> Namespaces() => Names(NamespacePrefix);

    public void AddMount(string path) => Write(MountPrefix + Hash(path), path);

    public void RemoveMount(string path) => Delete(MountPrefix + Hash(path));

    public IEnumerable<string> Mounts() => Names(MountPrefix).Select(name => File.ReadAllText(Path.Combine(_folder, MountPrefix + name)));

    public void AddProcess(int id, ulong startTime) => Write(ProcessName(id, startTime), Boot.Id);

    public void RemoveProcess(int id, ulong startTime) => Delete(ProcessName(id, startTime));

    /// <summary>The processes of this boot; those of an earlier one have no meaning any more.</summary>
    public IEnumerable<(int Id, ulong StartTime)> Processes()
    {
        foreach (var name in Names(ProcessPrefix))
        {
            if (name.Split('.') is [var id, var start]
                && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && ulong.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var startTime)
                && File.ReadAllText(Path.Combine(_folder, ProcessPrefix + name)) == Boot.Id)
            {
                yield return (number, startTime);
            }
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Directory.Delete(_folder, recursive: true);

    private static string ProcessName(int id, ulong startTime) => string.Create(CultureInfo.InvariantCulture, $"{ProcessPrefix}{id}.{startTime}");

    private static string Hash(string path) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)).AsSpan(0, 8));

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder, name), content);

    private void Delete(string name)
    {
        try
        {
            File.Delete(Path.Combine(_folder, name));
        }
        catch (DirectoryNotFoundException)
        {
            // Everything is forgotten already.
        }
    }

    private List<string> Names(string prefix)
        => [.. Directory.GetFiles(_folder, prefix + "*").Select(f => Path.GetFileName(f)[prefix.Length..]).Order(StringComparer.Ordinal)];
}
