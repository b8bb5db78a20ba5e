using System.Collections.Immutable;
using Fairlead.Cni.Launcher;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Turns a container of a pod into the launcher's specification. Pure: paths are given.</summary>
internal static class LaunchSpecCompiler
{
    private const string UsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static Outcome<PodLaunchSpec> Compile(
        Pod pod, Container container, ContainerEnvironment environment, ImageProgram program, string hostName, PodFolder folder,
        ImmutableArray<string> hidden, ImmutableArray<string> programFolders)
    {
        var context = container.SecurityContext;
        var ofPod = pod.Spec.SecurityContext;
        var user = context?.RunAsUser ?? ofPod?.RunAsUser;
        if ((context?.RunAsNonRoot ?? ofPod?.RunAsNonRoot) == true && user is null or 0)
        {
            return Outcome<PodLaunchSpec>.Failed(
                user is null
                    ? "container has runAsNonRoot and image will run as root"
                    : "container's runAsUser breaks non-root policy");
        }

        var (mounts, fault) = Mounts(pod, container, folder);
        if (fault is not null)
        {
            return Outcome<PodLaunchSpec>.Failed(fault);
        }

        return new PodLaunchSpec
        {
            Command = program.CommandLine,
            Root = new PodRoot { Hidden = hidden },
            Mounts = [.. program.IsBuiltIn ? programFolders.Select(f => new PodMount { Source = f, Target = f, ReadOnly = true }) : [], .. mounts!],
            HostName = hostName,
            Environment = Variables(environment, program, hostName, user),
            WorkingDirectory = string.IsNullOrEmpty(container.WorkingDir) ? "/" : container.WorkingDir,
            UserId = (uint)(user ?? 0),
            GroupId = (uint)(context?.RunAsGroup ?? ofPod?.RunAsGroup ?? 0),
            Groups = ofPod?.FsGroup is { } group ? [(uint)group] : [],
            Capabilities = Capabilities(context?.Capabilities),
            Privileged = context?.Privileged == true,
            NoNewPrivileges = context?.AllowPrivilegeEscalation == false,
            ReadOnlyRoot = context?.ReadOnlyRootFilesystem == true,
        };
    }

    /// <summary>Docker's set, without what is dropped, and with what is added; <c>ALL</c> drops before anything is added.</summary>
    internal static ImmutableArray<string> Capabilities(Kube.Objects.Capabilities? asked)
    {
        if (asked is null)
        {
            return Cni.Launcher.Capabilities.Default;
        }

        var dropped = asked.Drop.Select(Bare).ToHashSet(StringComparer.Ordinal);
        var kept = dropped.Contains("ALL") ? [] : Cni.Launcher.Capabilities.Default.Where(c => !dropped.Contains(c));
        return [.. kept.Union(asked.Add.Select(Bare), StringComparer.Ordinal)];

        static string Bare(string name)
        {
            var upper = name.ToUpperInvariant();
            return upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper[4..] : upper;
        }
    }

    private static ImmutableDictionary<string, string> Variables(ContainerEnvironment environment, ImageProgram program, string hostName, long? user)
    {
        var result = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        result["PATH"] = UsualPath;
        result["HOSTNAME"] = hostName;
        result["HOME"] = user is null or 0 ? "/root" : "/";
        result.AddOrReplace(program.Variables);
        result.AddOrReplace(environment.Variables);
        return result.ToImmutable();
    }

    private static void AddOrReplace(this ImmutableDictionary<string, string>.Builder builder, IEnumerable<KeyValuePair<string, string>> entries)
    {
        foreach (var (name, value) in entries)
        {
            builder[name] = value;
        }
    }

    private static Outcome<List<PodMount>> Mounts(Pod pod, Container container, PodFolder folder)
    {
        var mounts = new List<PodMount>();
        foreach (var mount in container.VolumeMounts)
        {
            if (pod.Spec.Volumes.FirstOrDefault(v => v.Name == mount.Name) is not { } volume)
            {
                return Outcome<List<PodMount>>.Failed($"volumeMount \"{mount.Name}\" names no volume of the pod");
            }

            var source = volume.HostPath is { } host ? host.Path : folder.Volume(volume.Name);
            if (!string.IsNullOrEmpty(mount.SubPath))
            {
                if (mount.SubPath.Split('/').Contains("..", StringComparer.Ordinal))
                {
                    return Outcome<List<PodMount>>.Failed($"volumeMount \"{mount.Name}\": subPath must not contain '..'");
                }

                source = Path.Combine(source, mount.SubPath.TrimStart('/'));
            }

            // What comes from API objects is written by the runtime alone, as in kubelet.
            mounts.Add(new PodMount { Source = source, Target = mount.MountPath, ReadOnly = mount.ReadOnly || Files.VolumeFilesCompiler.IsWritten(volume) });
        }

        Add("/etc/resolv.conf", folder.ResolvConf);
        Add("/etc/hosts", folder.Hosts);
        Add("/etc/hostname", folder.HostName);
        if (TerminationMessagePath(container) is { } path)
        {
            Add(path, folder.TerminationMessage(container.Name));
        }

        return mounts;

        void Add(string target, string source)
        {
            if (mounts.All(m => m.Target != target))
            {
                mounts.Add(new PodMount { Source = source, Target = target });
            }
        }
    }

    /// <summary>Where the container may leave its last words. The launcher's /dev takes no further files, so not there.</summary>
    internal static string? TerminationMessagePath(Container container)
        => container.TerminationMessagePath is { Length: > 0 } path && !path.StartsWith("/dev/", StringComparison.Ordinal) ? path : null;
}
