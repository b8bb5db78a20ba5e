using System.Globalization;
using System.Net;
using System.Text;
using Fairlead.Cni.Protocol;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.Ipam;

/// <summary>The addresses of one network on this host that are in use, on disk as the reference plugin keeps them.</summary>
/// <remarks>
/// The layout is the reference's, so that a node can change from either to the other without draining: a folder for each network;
/// in it <c>lock</c>, a file for each address in use that holds <c>containerID\r\nifname</c>, and <c>last_reserved_ip.N</c> for each
/// range set. What differs is how files come to be: whole, by rename, never empty and then filled. The reference killed in between
/// leaves an empty file, and its address is lost for ever; here an empty file under the lock is nobody's, and is taken.
/// <para>
/// The store holds the folder's lock from its opening to its disposal. A process that ends, however it ends, gives the lock back.
/// </para>
/// </remarks>
internal sealed class AddressStore : IDisposable
{
    private const string LastPrefix = "last_reserved_ip.";
    private const string TemporaryName = ".fairlead-new"; // one is enough: only the lock's holder writes
    private readonly string _folder;
    private readonly SafeFileHandle _lock;
    private readonly Action<string>? _beforeStep;

    private AddressStore(string folder, SafeFileHandle held, Action<string>? beforeStep)
        => (_folder, _lock, _beforeStep) = (folder, held, beforeStep);

    /// <summary>Opens the folder of a network, making it if need be, and waits for its lock.</summary>
    /// <param name="folder">The network's folder.</param>
    /// <param name="beforeStep">Told of each change before it is made; tests end the process there.</param>
    public static AddressStore Open(string folder, Action<string>? beforeStep = null)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var path = Path.Combine(folder, "lock");
            return new AddressStore(folder, Libc.OpenLocked(path), beforeStep);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"ipam.dataDir: {folder}: {e.Message}", inner: e);
        }
    }

    /// <summary>Opens the folder of a network if there is one.</summary>
    public static AddressStore? Find(string folder) => Directory.Exists(folder) ? Open(folder) : null;

    public void Dispose() => _lock.Dispose();

    /// <summary>Takes an address for an attachment unless another has it.</summary>
    public bool TryReserve(IPAddress address, CniAttachmentKey owner)
    {
        var path = PathOf(address);
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
        {
            return false;
        }

        Replace(path, $"{owner.ContainerId}\r\n{owner.InterfaceName}");
        return true;
    }

    /// <summary>The addresses that an attachment has.</summary>
    public IReadOnlyList<IPAddress> OwnedBy(CniAttachmentKey owner)
        => [.. Entries().Where(entry => Matches(entry.Text, owner)).Select(entry => entry.Address)];

    /// <summary>Every address in use, with what its file says of its owner.</summary>
    public IEnumerable<(IPAddress Address, string Text)> Entries()
    {
        foreach (var path in Directory.EnumerateFiles(_folder))
        {
            // IPAddress.TryParse is lenient (a file named "1" is not 0.0.0.1), so the canonical form is compared.
            var name = Path.GetFileName(path);
            if (IPAddress.TryParse(name, out var address) && address.ToString() == name)
            {
                yield return (address, ReadText(path));
            }
        }
    }

    /// <summary>Every address whose file names its owner whole.</summary>
    public IEnumerable<(IPAddress Address, CniAttachmentKey Owner)> Owners()
    {
        foreach (var (address, text) in Entries())
        {
            if (text.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [var container, var name])
            {
                yield return (address, new(container, name));
            }
        }
    }

    /// <summary>Whose an address is, where its file says it whole.</summary>
    public CniAttachmentKey? OwnerOf(IPAddress address) => Owners().Where(o => o.Address.Equals(address)).Select(o => (CniAttachmentKey?)o.Owner).FirstOrDefault();

    /// <summary>When an address was taken.</summary>
    public DateTimeOffset TakenAt(IPAddress address) => new(File.GetLastWriteTimeUtc(PathOf(address)), TimeSpan.Zero);

    /// <summary>Gives back what an attachment has; nothing is fine.</summary>
    public void Release(CniAttachmentKey owner) => ReleaseWhere(text => Matches(text, owner));

    /// <summary>Gives back what belongs to no attachment of those given, and what belongs to nobody.</summary>
    public void ReleaseAllBut(IEnumerable<CniAttachmentKey> valid)
    {
        var kept = valid.ToList();
        ReleaseWhere(text => !kept.Any(owner => Matches(text, owner)));
    }

    public IPAddress? Last(int rangeSet)
        => IPAddress.TryParse(ReadText(LastPath(rangeSet)).Trim(), out var address) ? address : null;

    public void SetLast(int rangeSet, IPAddress address) => Replace(LastPath(rangeSet), address.ToString());

    private void ReleaseWhere(Func<string, bool> matches)
    {
        foreach (var (address, _) in Entries().Where(entry => matches(entry.Text)).ToList())
        {
            _beforeStep?.Invoke($"delete {address}");
            File.Delete(PathOf(address));
        }
    }

    /// <summary>The reference's first versions wrote the container's id alone.</summary>
    private static bool Matches(string text, CniAttachmentKey owner)
    {
        var trimmed = text.AsSpan().Trim();
        var end = trimmed.IndexOfAny('\r', '\n');
        return end < 0
            ? trimmed.SequenceEqual(owner.ContainerId)
            : trimmed[..end].SequenceEqual(owner.ContainerId) && trimmed[end..].Trim().SequenceEqual(owner.InterfaceName);
    }

    private void Replace(string path, string text)
    {
        var temporary = Path.Combine(_folder, TemporaryName);
        _beforeStep?.Invoke($"write {Path.GetFileName(path)}");
        File.WriteAllBytes(temporary, Encoding.UTF8.GetBytes(text));
        _beforeStep?.Invoke($"rename {Path.GetFileName(path)}");
        File.Move(temporary, path, overwrite: true);
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (FileNotFoundException)
        {
            return "";
        }
    }

    private string PathOf(IPAddress address) => Path.Combine(_folder, address.ToString());

    private string LastPath(int rangeSet) => Path.Combine(_folder, LastPrefix + rangeSet.ToString(CultureInfo.InvariantCulture));
}
