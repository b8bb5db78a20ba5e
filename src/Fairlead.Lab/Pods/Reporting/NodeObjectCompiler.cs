using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Sandboxes;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>What is known of the machine under a node.</summary>
internal sealed record Machine(string Architecture, string MachineId, string BootId, string Kernel, string Distribution, int Processors, long Memory)
{
    public static Machine Read() => new(
        System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => "amd64",
            var other => other.ToString().ToLowerInvariant(),
        },
        Text("/etc/machine-id"),
        Text("/proc/sys/kernel/random/boot_id"),
        Text("/proc/sys/kernel/osrelease"),
        Field("/etc/os-release", "PRETTY_NAME=").Trim('"') is { Length: > 0 } name ? name : "Linux",
        System.Environment.ProcessorCount,
        long.TryParse(Field("/proc/meminfo", "MemTotal:").Replace("kB", "", StringComparison.Ordinal), NumberStyles.Integer, CultureInfo.InvariantCulture, out var kib) ? kib : 0);

    private static string Text(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";

    private static string Field(string path, string name)
        => File.Exists(path) && File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) is { } line ? line[name.Length..] : "";
}

/// <summary>Turns what is known of a node into its Node object, as kubelet fills it.</summary>
internal static class NodeObjectCompiler
{
    /// <summary>The Kubernetes that the runtime behaves as.</summary>
    public const string KubeletVersion = "v1.34.0";

    /// <summary>What every node of the machine says that it has: they share it.</summary>
    public static ImmutableSortedDictionary<string, string> Resources(Machine machine, int pods)
        => ImmutableSortedDictionary.CreateRange<string, string>(StringComparer.Ordinal,
        [
            new("cpu", machine.Processors.ToString(CultureInfo.InvariantCulture)),
            new("memory", string.Create(CultureInfo.InvariantCulture, $"{machine.Memory}Ki")),
            new("pods", pods.ToString(CultureInfo.InvariantCulture)),
        ]);

    public static EquatableMap Labels(PodRuntimeOptions options, Machine machine)
        => EquatableMap.Of(
            ("kubernetes.io/hostname", options.NodeName), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", machine.Architecture),
            ("beta.kubernetes.io/os", "linux"), ("beta.kubernetes.io/arch", machine.Architecture))
            .With(EquatableMap.Create(options.NodeLabels));

    /// <summary>The status with our part renewed; conditions of others, such as NetworkUnavailable, stay.</summary>
    public static NodeStatus Status(NodeStatus before, PodRuntimeOptions options, Machine machine, NetworkState network, DateTimeOffset now)
    {
        var resources = EquatableMap.Create(Resources(machine, options.PodCapacity));
        return before with
        {
            Capacity = resources,
            Allocatable = resources,
            Addresses = [new NodeAddress { Type = "InternalIP", Address = options.NodeAddress }, new NodeAddress { Type = "Hostname", Address = options.NodeName }],
            NodeInfo = new NodeSystemInfo
            {
                MachineID = machine.MachineId, SystemUUID = machine.MachineId, BootID = machine.BootId, KernelVersion = machine.Kernel, OsImage = machine.Distribution,
                ContainerRuntimeVersion = $"fairlead://{typeof(NodeObjectCompiler).Assembly.GetName().Version?.ToString(3)}",
                KubeletVersion = KubeletVersion, KubeProxyVersion = KubeletVersion, OperatingSystem = "linux", Architecture = machine.Architecture,
            },
            Conditions = Conditions(before, network, now),
        };
    }

    private static EquatableArray<Condition> Conditions(NodeStatus before, NetworkState network, DateTimeOffset now)
    {
        Condition[] ours =
        [
            new() { Type = "MemoryPressure", Status = "False", Reason = "KubeletHasSufficientMemory", Message = "kubelet has sufficient memory available" },
            new() { Type = "DiskPressure", Status = "False", Reason = "KubeletHasNoDiskPressure", Message = "kubelet has no disk pressure" },
            new() { Type = "PIDPressure", Status = "False", Reason = "KubeletHasSufficientPID", Message = "kubelet has sufficient PID available" },
            network.IsReady
                ? new() { Type = "Ready", Status = "True", Reason = "KubeletReady", Message = "kubelet is posting ready status" }
                : new()
                {
                    Type = "Ready", Status = "False", Reason = "KubeletNotReady",
                    Message = $"container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: {network.Message}",
                },
        ];
        var others = before.Conditions.Where(c => ours.All(o => o.Type != c.Type));
        return others.Concat(ours.Select(c => c with
        {
            LastHeartbeatTime = now,
            LastTransitionTime = before.Conditions.FirstOrDefault(b => b.Type == c.Type) is { } same && same.Status == c.Status ? same.LastTransitionTime : now,
        })).ToEquatableArray();
    }
}
