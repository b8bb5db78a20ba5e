using System.Collections.Immutable;
using Fairlead.Cni.Plugins;

namespace Fairlead.Cni.Runtime;

/// <summary>Puts Fairlead's plugins into a folder: one executable under every plugin's name.</summary>
public static class CniInstall
{
    /// <summary>The executable's own name.</summary>
    public const string ExecutableName = "fairlead-cni";

    /// <summary>The name under which it starts a container's first process.</summary>
    public const string LauncherName = "fairlead-pod";

    /// <summary>Makes or refreshes the names; each is replaced at once, so that a plugin is there at every moment.</summary>
    /// <param name="executable">The <c>fairlead-cni</c> executable.</param>
    /// <param name="folder">The folder of plugins; made if it is missing.</param>
    /// <param name="copy">Copies instead of links, for a folder that is seen where the executable is not.</param>
    /// <returns>The names that were made or changed; none where all was as it should be.</returns>
    public static ImmutableArray<string> Refresh(string executable, string folder, bool copy = false)
        => Refresh(executable, folder, copy, PluginCatalog.Names.Append(LauncherName).Append(ExecutableName));

    private static ImmutableArray<string> Refresh(string executable, string folder, bool copy, IEnumerable<string> names)
    {
        var source = Path.GetFullPath(executable);
        if (!File.Exists(source))
        {
            throw new FileNotFoundException($"'{source}' is not there: publish src/Fairlead.Cni first", source);
        }

        Directory.CreateDirectory(folder);
        var changed = ImmutableArray.CreateBuilder<string>();
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var target = Path.Combine(folder, name);
            if (Path.GetFullPath(target) == source || IsCurrent(source, target, copy))
            {
                continue;
            }

            var temporary = $"{target}.new";
            File.Delete(temporary);
            if (copy)
            {
                File.Copy(source, temporary);
                File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(source));
            }
            else
            {
                File.CreateSymbolicLink(temporary, source);
            }

            File.Move(temporary, target, overwrite: true);
            changed.Add(name);
        }

        return changed.ToImmutable();
    }

    /// <summary>Makes the plugins' links in a folder that others may use too: nothing that is not a link of ours is touched unless that is asked for.</summary>
    /// <param name="executable">The <c>fairlead-cni</c> executable.</param>
    /// <param name="folder">The folder of plugins; made if it is missing.</param>
    /// <param name="replace">Whether another's plugin of the same name gives way.</param>
    public static CniInstallation Link(string executable, string folder, bool replace = false)
    {
        Directory.CreateDirectory(folder);
        var others = replace ? [] : PluginCatalog.Names.Where(name => IsAnothers(Path.Combine(folder, name))).ToImmutableArray();
        return new CniInstallation(Refresh(executable, folder, copy: false, PluginCatalog.Names.Except(others, StringComparer.Ordinal)), others);
    }

    /// <summary>Removes our links from a folder.</summary>
    /// <returns>The names that were removed.</returns>
    public static ImmutableArray<string> Unlink(string folder)
    {
        ImmutableArray<string> ours =
            [.. PluginCatalog.Names.Select(name => Path.Combine(folder, name)).Where(p => new FileInfo(p).LinkTarget is not null && !IsAnothers(p))];
        foreach (var link in ours)
        {
            File.Delete(link);
        }

        return [.. ours.Select(link => Path.GetFileName(link))];
    }

    /// <summary>The executable beside the running program, or null.</summary>
    public static string? FindExecutable()
        => Path.Combine(AppContext.BaseDirectory, ExecutableName) is var beside && File.Exists(beside) ? beside : null;

    /// <summary>A link to any build of the executable is ours, also one whose build is gone.</summary>
    private static bool IsAnothers(string path)
        => new FileInfo(path) is var file && (file.LinkTarget is { } target ? Path.GetFileName(target) != ExecutableName : file.Exists);

    private static bool IsCurrent(string source, string target, bool copy)
    {
        var found = new FileInfo(target);
        if (!copy)
        {
            return found.LinkTarget == source;
        }

        var wanted = new FileInfo(source);
        return found is { Exists: true, LinkTarget: null } && found.Length == wanted.Length && found.LastWriteTimeUtc == wanted.LastWriteTimeUtc;
    }
}

/// <summary>What an installation did.</summary>
/// <param name="Changed">The names that were made or changed; none where all was as it should be.</param>
/// <param name="Others">The names that another's plugin has, and keeps.</param>
public sealed record CniInstallation(ImmutableArray<string> Changed, ImmutableArray<string> Others);
