using System.Globalization;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods;

/// <summary>The files of one pod: what its containers see, and their logs.</summary>
internal sealed class PodFolder(string stateDirectory, Pod pod)
{
    public const string Pods = "pods";
    public const string Logs = "logs";

    /// <summary>Gone with the pod.</summary>
    public string Root { get; } = Path.Combine(stateDirectory, Pods, pod.Metadata.Uid);

    public string Hosts => Path.Combine(Root, "hosts");

    public string ResolvConf => Path.Combine(Root, "resolv.conf");

    public string HostName => Path.Combine(Root, "hostname");

    /// <summary>Memory: Secrets and tokens do not touch the disk.</summary>
    public string Volumes => Path.Combine(Root, "volumes");

    public string Volume(string name) => Path.Combine(Volumes, name);

    public string TerminationMessage(string container) => Path.Combine(Root, "termination-" + container);

    /// <summary>Named as in kubelet's /var/log/pods.</summary>
    public string LogFolder { get; } = Path.Combine(stateDirectory, Logs, $"{pod.Metadata.Namespace}_{pod.Metadata.Name}_{pod.Metadata.Uid}");

    public string Log(string container, int run) => Path.Combine(LogFolder, container, string.Create(CultureInfo.InvariantCulture, $"{run}.log"));
}
