using System.Collections.Immutable;
using System.Text;

namespace Fairlead.Topology.State;

/// <summary>What is needed to write down how a topology comes back after a boot.</summary>
/// <param name="IsAsked">Whether it is to; otherwise only what was written before is kept up to date.</param>
/// <param name="Yaml">The topology's file.</param>
/// <param name="Executable">The program that applies it.</param>
/// <param name="StateHome">The folder above <c>fairlead/net</c>, so that the boot finds the records of today.</param>
public sealed record PersistOptions(bool IsAsked, string Yaml, string Executable, string StateHome)
{
    /// <summary>The variable that names another folder for <see cref="Root"/>.</summary>
    public const string RootVariable = "FAIRLEAD_PERSIST_ROOT";

    private const string Header = "# Written by fairlead net apply --persist; fairlead net delete removes it.";

    /// <summary>What stands for / in the paths of the files.</summary>
    public string Root { get; init; } = Environment.GetEnvironmentVariable(RootVariable) is { Length: > 0 } root ? root : "/";

    /// <summary>The files of a topology: its description, a unit that applies it, the link that enables the unit, and the machine's settings.</summary>
    internal ImmutableArray<PersistedFile> FilesOf(string name, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var copy = PathOf($"etc/fairlead/net/{name}.yaml");
        var unit = $"fairlead-net-{name}.service";
        var files = ImmutableArray.CreateBuilder<PersistedFile>();
        files.Add(new(copy, $"{Header}\n{Body(Yaml)}"));
        files.Add(new(PathOf($"etc/systemd/system/{unit}"),
            $"""
            {Header}
            [Unit]
            Description=Fairlead network {name}
            After=network-pre.target systemd-sysctl.service nftables.service
            Wants=network-pre.target

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            Environment="XDG_STATE_HOME={StateHome}"
            ExecStart="{Executable}" net apply -f "{copy}"

            [Install]
            WantedBy=multi-user.target

            """));
        files.Add(new(PathOf($"etc/systemd/system/multi-user.target.wants/{unit}"), $"../{unit}") { IsLink = true });
        var lines = new StringBuilder();
        foreach (var (key, value) in settings.Where(s => MachineSettings.IsBorrowed(s.Key)))
        {
            _ = lines.Append(key.Replace('/', '.')).Append(" = ").Append(value).Append('\n');
        }

        if (lines.Length > 0)
        {
            files.Add(new(PathOf($"etc/sysctl.d/90-fairlead-net-{name}.conf"), $"{Header}\n{lines}"));
        }

        return files.ToImmutable();
    }

    /// <summary>Whether a file is one that was written so.</summary>
    internal static bool IsOurs(string content) => content.StartsWith(Header, StringComparison.Ordinal) || content.StartsWith("../fairlead-net-", StringComparison.Ordinal);

    /// <summary>The copy, applied at a boot, is the file without its header again.</summary>
    private static string Body(string yaml) => yaml.StartsWith(Header, StringComparison.Ordinal) ? yaml[(yaml.IndexOf('\n', StringComparison.Ordinal) + 1)..] : yaml;

    private string PathOf(string relative) => Path.Combine(Root, relative);
}

/// <summary>A file that brings a topology back after a boot.</summary>
/// <param name="Content">Its text, or what it leads to.</param>
internal sealed record PersistedFile(string Path, string Content)
{
    public bool IsLink { get; init; }

    /// <summary>What is there now; null where nothing is.</summary>
    public static PersistedFile? Find(string path)
    {
        if (new FileInfo(path).LinkTarget is { } target)
        {
            return new(path, target) { IsLink = true };
        }

        return File.Exists(path) ? new(path, File.ReadAllText(path)) : null;
    }

    /// <summary>Puts it there whole.</summary>
    public void Write()
    {
        _ = Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        var draft = $"{Path}.draft";
        File.Delete(draft);
        if (IsLink)
        {
            _ = File.CreateSymbolicLink(draft, Content);
        }
        else
        {
            File.WriteAllText(draft, Content);
        }

        File.Move(draft, Path, overwrite: true);
    }
}
