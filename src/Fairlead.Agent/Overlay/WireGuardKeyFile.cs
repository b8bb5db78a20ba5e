using Fairlead.Linux.Netlink.Generic;

namespace Fairlead.Agent.Overlay;

/// <summary>The node's private key, in a file that only root can read. It outlives restarts, so that peers need not learn a new one.</summary>
internal sealed class WireGuardKeyFile(string stateFolder)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Path { get; } = System.IO.Path.Combine(stateFolder, "wireguard", "private-key");

    public WireGuardKey LoadOrCreate()
    {
        if (File.Exists(Path))
        {
            // Whoever copied the folder may have lost the mode.
            File.SetUnixFileMode(Path, OwnerOnly);
            return WireGuardKey.TryParse(File.ReadAllText(Path), out var known)
                ? known
                : throw new OverlayException("WireGuardKeyUnreadable", $"{Path} holds no WireGuard key; restore it, or remove it to have a new one made");
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!, OwnerOnly | UnixFileMode.UserExecute);
        var key = WireGuardKey.NewPrivate();
        var draft = $"{Path}.new";
        File.Delete(draft);
        using (var file = new FileStream(draft, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        using (var text = new StreamWriter(file))
        {
            text.WriteLine(key.ToString());
        }

        File.Move(draft, Path);
        return key;
    }

    public void Remove()
    {
        if (File.Exists(Path))
        {
            File.Delete(Path);
        }
    }
}
