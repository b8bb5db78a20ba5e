using System.Text;

namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>An archive in the form of the kernel's initial file system (cpio, "newc").</summary>
internal sealed class CpioWriter(Stream stream) : IDisposable
{
    private const int FolderMode = 0x41ED; // a folder, rwxr-xr-x
    private const int FileMode = 0x81ED;

    private int _count;

    public void Folder(string path) => Entry(path, FolderMode, []);

    public void File(string path, byte[] content) => Entry(path, FileMode, content);

    public void Dispose() => Entry("TRAILER!!!", 0, []);

    private void Entry(string path, int mode, byte[] content)
    {
        var name = Encoding.ASCII.GetBytes($"{path}\0");

        // inode, mode, owner, group, links, time, size, two devices of two numbers each, length of the name, no checksum
        int[] fields = [++_count, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, name.Length, 0];
        stream.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(f => f.ToString("X8", System.Globalization.CultureInfo.InvariantCulture)))));
        stream.Write(name);
        Pad(110 + name.Length);
        stream.Write(content);
        Pad(content.Length);
    }

    private void Pad(int length) => stream.Write(new byte[-length & 3]);
}
