using Fairlead.Kube.Yaml;
using Fairlead.Lab.Pods;
using Fairlead.Lab.State;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab;

/// <summary>What the commands do with a lab from outside of it.</summary>
public static class LabControl
{
    private static readonly TimeSpan s_stopPatience = TimeSpan.FromSeconds(30);

    /// <summary>Refuses what cannot become a lab before anything is made.</summary>
    /// <returns>The path of <c>kubectl</c>.</returns>
    /// <exception cref="LabException">Something is wrong; the message names all of it.</exception>
    public static string Check(LabOptions options)
    {
        var faults = options.Faults();
        if (faults.Count > 0)
        {
            throw new LabException(string.Join("\n       ", faults), "fairlead up --help") { IsWrongUsage = true };
        }

        if (!Environment.IsPrivilegedProcess)
        {
            throw new LabException("a lab makes network namespaces, and that needs root", "sudo fairlead up");
        }

        if (options.Manifests is { } manifests)
        {
            CheckManifests(manifests);
        }

        return FindProgram("kubectl")
            ?? throw new LabException("kubectl, the lab's client, is not on PATH", "install it (Debian: apt-get install kubernetes-client) and run this again");
    }

    /// <summary>The record of a lab that runs; null when there is none or it was killed.</summary>
    public static LabRecord? FindRunning(LabPaths paths) => LabRecord.Read(paths) is { } record && LabHost.IsAlive(record) ? record : null;

    /// <summary>Starts a lab in a process of its own and tells of its progress until it is ready.</summary>
    /// <param name="words">The command line of that process.</param>
    /// <param name="tell">Told of each part.</param>
    /// <param name="ct">Takes the lab down again.</param>
    /// <exception cref="LabException">It could not come up.</exception>
    public static async Task StartAsync(IReadOnlyList<string> words, Action<LabProgress> tell, CancellationToken ct)
    {
        using var pipe = Pipe.Create();
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = LabExecutable.Path,
            Arguments = words,
            Environment = LabExecutable.SmallEnvironment(),
            WorkingDirectory = "/",
            Output = pipe.Writer,
            Error = pipe.Writer,
        });
        pipe.Writer.Dispose();
        using var stop = ct.Register(() => process.Signal(Signal.Terminate));
        using var reader = new StreamReader(new FileStream(pipe.Reader, FileAccess.Read));
        var unexpected = new List<string>();
        while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
        {
            switch (LabProgress.TryParse(line))
            {
                case null:
                    unexpected.Add(line);
                    break;
                case { Failed: { } failed } progress:
                    throw new LabException(failed, progress.Remedy ?? "fairlead up --foreground");
                case { Ready: true }:
                    return;
                case var progress:
                    tell(progress);
                    break;
            }
        }

        ct.ThrowIfCancellationRequested();
        var status = await process.WaitAsync(CancellationToken.None);
        throw new LabException($"the lab's process ended with {status}: {string.Join('\n', unexpected)}", "run 'fairlead up' again: it cleans what is left");
    }

    /// <summary>Takes a lab down, alive or dead, and removes everything of it.</summary>
    /// <returns>False when there was no such lab.</returns>
    public static async Task<bool> DownAsync(LabPaths paths, TimeProvider time, CancellationToken ct)
    {
        LabRecord? record;
        try
        {
            record = LabRecord.Read(paths);
        }
        catch (LabException)
        {
            record = null;   // an unreadable record names nothing to clean, and its folder goes
        }

        if (!Directory.Exists(paths.Folder))
        {
            return false;
        }

        if (record is null)
        {
            // Its pods are in a registry of their own.
            using var only = LabLock.Take(paths);
            await PodRuntime.CleanLeftoversAsync(paths.Pods, time, ct);
            LabCleaner.Forget(paths);
            return true;
        }

        using (var process = ProcessHandle.Open(record.ProcessId, record.ProcessStartTime))
        {
            if (process is not null)
            {
                await process.StopAsync(s_stopPatience, time, ct);
            }
        }

        // A lab that went down by itself left nothing; one that was killed did, and cleaning finds out.
        using var cleaning = LabLock.Take(paths);
        await LabCleaner.CleanAsync(paths, record, time);
        LabCleaner.Forget(paths);
        return true;
    }

    private static void CheckManifests(string path)
    {
        var files = Directory.Exists(path)
            ? Directory.GetFiles(path).Where(f => Path.GetExtension(f) is ".yaml" or ".yml" or ".json").Order(StringComparer.Ordinal).ToArray()
            : [path];
        if (files.Length == 0)
        {
            throw new LabException($"{path} holds no .yaml, .yml or .json file", "give a file or a folder of manifests with --file");
        }

        foreach (var file in files)
        {
            try
            {
                foreach (var manifest in KubeYaml.Parse(File.ReadAllText(file)))
                {
                    if (manifest["kind"] is null || manifest["apiVersion"] is null)
                    {
                        throw new FormatException("every manifest needs apiVersion and kind");
                    }
                }
            }
            catch (FormatException e)
            {
                throw new LabException($"{file} is not a manifest: {e.Message}", "correct it and run 'fairlead up' again");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new LabException($"{file} cannot be read: {e.Message}", "give a file or a folder of manifests with --file");
            }
        }
    }

    private static string? FindProgram(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(file => File.Exists(file) && (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.OtherExecute)) != 0);
}
