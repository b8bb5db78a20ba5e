using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Fixtures;

/// <summary>Small API objects for tests.</summary>
internal static class Make
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static Node Node(string name, params (string Key, string Value)[] labels) => new()
    {
        Metadata = new() { Name = name, Uid = $"uid-{name}", ResourceVersion = "1", CreationTimestamp = Start, Labels = EquatableMap.Of(labels) },
        Status = new() { Conditions = [new() { Type = "Ready", Status = "True" }] },
    };

    public static Pod Pod(string name, string node = "", bool ready = false, IKubeObject? owner = null, string app = "web", int age = 0) => new()
    {
        Metadata = new()
        {
            Name = name,
            Namespace = "shop",
            Uid = $"uid-{name}",
            ResourceVersion = "1",
            CreationTimestamp = Start - TimeSpan.FromSeconds(age),
            Labels = EquatableMap.Of(("app", app)),
            OwnerReferences = owner is null ? default : [Owner(owner)],
        },
        Spec = new() { NodeName = node, Containers = [new() { Name = "c", Image = "fairlead/http", Ports = [new() { Name = "http", Port = 8080 }] }] },
        Status = new()
        {
            Phase = ready ? "Running" : "Pending",
            PodIP = node.Length > 0 ? "10.32.0.9" : "",
            Conditions = [new() { Type = "Ready", Status = ready ? "True" : "False", LastTransitionTime = Start - TimeSpan.FromSeconds(age) }],
        },
    };

    public static Pod Terminating(this Pod pod) => pod with { Metadata = pod.Metadata with { DeletionTimestamp = Start } };

    public static OwnerReference Owner(IKubeObject owner) => new()
    {
        ApiVersion = owner.ApiVersion, Kind = owner.Kind, Name = owner.Metadata.Name, Uid = owner.Metadata.Uid, Controller = true, BlockOwnerDeletion = true,
    };

    public static PodTemplateSpec Template(string app = "web", string image = "fairlead/http") => new()
    {
        Metadata = new() { Labels = EquatableMap.Of(("app", app)) },
        Spec = new() { Containers = [new() { Name = "c", Image = image }] },
    };

    public static LabelSelector Selector(string app = "web") => new() { MatchLabels = EquatableMap.Of(("app", app)) };

    public static ReplicaSet ReplicaSet(string name, int replicas, string app = "web") => new()
    {
        Metadata = new() { Name = name, Namespace = "shop", Uid = $"uid-{name}", ResourceVersion = "1", CreationTimestamp = Start, Generation = 1 },
        Spec = new() { Replicas = replicas, Selector = Selector(app), Template = Template(app) },
    };

    public static Deployment Deployment(string name, int replicas, string image = "fairlead/http") => new()
    {
        Metadata = new() { Name = name, Namespace = "shop", Uid = $"uid-{name}", ResourceVersion = "1", CreationTimestamp = Start, Generation = 1 },
        Spec = new() { Replicas = replicas, Selector = Selector(), Template = Template(image: image) },
    };

    public static Service Service(string name, params ServicePort[] ports) => new()
    {
        Metadata = new() { Name = name, Namespace = "shop", Uid = $"uid-{name}", ResourceVersion = "1", CreationTimestamp = Start },
        Spec = new() { Selector = EquatableMap.Of(("app", "web")), ClusterIP = "10.96.0.7", IpFamilies = ["IPv4"], Ports = ports.ToEquatableArray() },
    };
}
