using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Lab.Pods.Files;

/// <summary>The token, certificate and namespace that every container finds under <c>/var/run/secrets/kubernetes.io/serviceaccount</c>.</summary>
/// <remarks>
/// Kubernetes' ServiceAccount admission writes this volume into the pod. An API server that does not is helped out here, so that
/// in-cluster clients work with either.
/// </remarks>
internal static class ServiceAccountVolume
{
    public const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string Name = "kube-api-access";

    /// <summary>The pod with the volume mounted in each container that has nothing at that path.</summary>
    public static Pod Add(Pod pod)
    {
        if (pod.Spec.AutomountServiceAccountToken == false || !pod.Spec.InitContainers.Concat(pod.Spec.Containers).Any(Lacks))
        {
            return pod;
        }

        return pod with
        {
            Spec = pod.Spec with
            {
                Volumes = pod.Spec.Volumes.Add(s_volume),
                InitContainers = pod.Spec.InitContainers.Select(WithMount).ToEquatableArray(),
                Containers = pod.Spec.Containers.Select(WithMount).ToEquatableArray(),
            },
        };
    }

    private static readonly Volume s_volume = new()
    {
        Name = Name,
        Projected = new ProjectedVolume
        {
            DefaultMode = 420,
            Sources =
            [
                new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "token", ExpirationSeconds = 3607 } },
                new VolumeProjection
                {
                    ConfigMap = new ConfigMapProjection { Name = VolumeFilesCompiler.RootCaConfigMap, Items = [new KeyToPath { Key = "ca.crt", Path = "ca.crt" }] },
                },
                new VolumeProjection
                {
                    DownwardAPI = new DownwardApiVolume
                    {
                        Items = [new DownwardApiFile { Path = "namespace", FieldRef = new ObjectFieldSelector { FieldPath = "metadata.namespace" } }],
                    },
                },
            ],
        },
    };

    private static bool Lacks(Container container) => container.VolumeMounts.All(m => m.MountPath.TrimEnd('/') != MountPath);

    private static Container WithMount(Container container)
        => Lacks(container)
            ? container with { VolumeMounts = container.VolumeMounts.Add(new VolumeMount { Name = Name, MountPath = MountPath, ReadOnly = true }) }
            : container;
}
