namespace Fairlead.Lab.State;

/// <summary>The right to change a lab, held by one process at a time; the kernel gives it back however that process ends.</summary>
/// <remarks>Without it two commands at once would both find nothing there, and each make the lab over the other's.</remarks>
internal sealed class LabLock : IDisposable
{
    private readonly FileStream _file;

    private LabLock(FileStream file) => _file = file;

    /// <summary>Takes the right, making the lab's folder if need be.</summary>
    /// <exception cref="LabException">Another process has it.</exception>
    public static LabLock Take(LabPaths paths)
    {
        Directory.CreateDirectory(paths.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            return new LabLock(new FileStream(paths.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new LabException($"another process is bringing lab '{paths.Name}' up or taking it down", $"wait for it, then see 'fairlead status --name {paths.Name}'");
        }
    }

    public void Dispose() => _file.Dispose();
}
