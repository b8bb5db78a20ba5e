using System.Text;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Files;

/// <summary>One file of a volume.</summary>
internal sealed record VolumeFile(string Path, ReadOnlyMemory<byte> Content, UnixFileMode Mode)
{
    public bool Equals(VolumeFile? other)
        => other is not null && Path == other.Path && Mode == other.Mode && Content.Span.SequenceEqual(other.Content.Span);

    public override int GetHashCode() => HashCode.Combine(Path, Mode, Content.Length);
}

/// <summary>All files of a volume.</summary>
internal sealed record VolumeContent(EquatableArray<VolumeFile> Files);

/// <summary>What the files of a pod's volumes are made from.</summary>
/// <param name="Inputs">ConfigMaps and Secrets.</param>
/// <param name="Addresses">The pod's and its node's.</param>
/// <param name="NodeResources">What the node has, for limits that are not set.</param>
/// <param name="Token">The token for a projection, once it was asked for.</param>
/// <param name="RootCertificate">The cluster's certificate authority, for a namespace that has no <c>kube-root-ca.crt</c> yet.</param>
internal sealed record VolumeSources(
    PodInputs Inputs,
    PodAddresses Addresses,
    IReadOnlyDictionary<string, string> NodeResources,
    Func<ServiceAccountTokenProjection, string?> Token,
    string? RootCertificate);

/// <summary>Turns volumes that are made of API objects into files.</summary>
internal static class VolumeFilesCompiler
{
    /// <summary>The ConfigMap in every namespace that holds the certificate of the cluster's authority.</summary>
    public const string RootCaConfigMap = "kube-root-ca.crt";

    private const int UsualMode = 0b110_100_100;

    /// <summary>The volume's content is API objects, so the pod runtime writes it.</summary>
    public static bool IsWritten(Volume volume)
        => volume is { ConfigMap: not null } or { Secret: not null } or { DownwardAPI: not null } or { Projected: not null };

    /// <summary>The files, sorted by path; or what is missing, in kubelet's words.</summary>
    public static Outcome<VolumeContent> Compile(Volume volume, Pod pod, VolumeSources sources)
    {
        var builder = new Builder(pod, sources);
        switch (volume)
        {
            case { ConfigMap: { } map }:
                builder.AddConfigMap(map.Name, map.Items, map.Optional, map.DefaultMode ?? UsualMode);
                break;
            case { Secret: { } secret }:
                builder.AddSecret(secret.SecretName, secret.Items, secret.Optional, secret.DefaultMode ?? UsualMode);
                break;
            case { DownwardAPI: { } downward }:
                builder.AddFields(downward.Items, downward.DefaultMode ?? UsualMode);
                break;
            case { Projected: { } projected }:
                foreach (var source in projected.Sources)
                {
                    builder.Add(source, projected.DefaultMode ?? UsualMode);
                }

                break;
        }

        return builder.Fault is { } fault
            ? Outcome<VolumeContent>.Failed($"MountVolume.SetUp failed for volume \"{volume.Name}\" : {fault}")
            : new VolumeContent([.. builder.Result.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Value)]);
    }

    private sealed class Builder(Pod pod, VolumeSources sources)
    {
        public Dictionary<string, VolumeFile> Result { get; } = new(StringComparer.Ordinal);

        public string? Fault { get; private set; }

        public void Add(VolumeProjection source, int mode)
        {
            switch (source)
            {
                case { ConfigMap: { } map }:
                    AddConfigMap(map.Name, map.Items, map.Optional, mode);
                    break;
                case { Secret: { } secret }:
                    AddSecret(secret.Name, secret.Items, secret.Optional, mode);
                    break;
                case { DownwardAPI: { } downward }:
                    AddFields(downward.Items, mode);
                    break;
                case { ServiceAccountToken: { } projection } when sources.Token(projection) is { } token:
                    Put(projection.Path, Encoding.UTF8.GetBytes(token), mode);
                    break;
                case { ServiceAccountToken: not null }:
                    Fault ??= $"failed to fetch token: no token for service account \"{pod.Spec.ServiceAccountName ?? "default"}\" yet";
                    break;
                default:
                    Fault ??= $"the lab does not support this projected source: {string.Join(", ", source.Extra?.Keys.Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>())}";
                    break;
            }
        }

        public void AddConfigMap(string name, EquatableArray<KeyToPath> items, bool? optional, int mode)
        {
            var contents = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
            if (sources.Inputs.ConfigMaps.TryGetValue(new ObjectKey(pod.Metadata.Namespace, name), out var map))
            {
                foreach (var (key, value) in map.Data)
                {
                    contents[key] = Encoding.UTF8.GetBytes(value);
                }

                foreach (var (key, value) in map.BinaryData)
                {
                    contents[key] = Convert.FromBase64String(value);
                }
            }
            else if (name == RootCaConfigMap && sources.RootCertificate is { } certificate)
            {
                contents["ca.crt"] = Encoding.UTF8.GetBytes(certificate);
            }
            else
            {
                Fault ??= optional == true ? null : $"configmap \"{name}\" not found";
                return;
            }

            AddKeys(contents, items, optional, mode);
        }

        public void AddSecret(string name, EquatableArray<KeyToPath> items, bool? optional, int mode)
        {
            if (!sources.Inputs.Secrets.TryGetValue(new ObjectKey(pod.Metadata.Namespace, name), out var secret))
            {
                Fault ??= optional == true ? null : $"secret \"{name}\" not found";
                return;
            }

            AddKeys(secret.Data.ToDictionary(e => e.Key, e => (ReadOnlyMemory<byte>)Convert.FromBase64String(e.Value), StringComparer.Ordinal), items, optional, mode);
        }

        public void AddFields(EquatableArray<DownwardApiFile> items, int mode)
        {
            foreach (var item in items)
            {
                var value = item switch
                {
                    { FieldRef: { } field } => PodFields.Find(pod, sources.Addresses, field.FieldPath),
                    { ResourceFieldRef: { } resource } when pod.Spec.Containers.FirstOrDefault(c => c.Name == resource.ContainerName) is { } container
                        => PodFields.FindResource(container, resource.Resource, resource.Divisor, sources.NodeResources),
                    _ => null,
                };
                if (value is null)
                {
                    Fault ??= $"unsupported fieldPath: {item.FieldRef?.FieldPath ?? item.ResourceFieldRef?.Resource}";
                    return;
                }

                Put(item.Path, Encoding.UTF8.GetBytes(value), item.Mode ?? mode);
            }
        }

        private void AddKeys(Dictionary<string, ReadOnlyMemory<byte>> contents, EquatableArray<KeyToPath> items, bool? optional, int mode)
        {
            if (items.IsEmpty)
            {
                foreach (var (key, content) in contents)
                {
                    Put(key, content, mode);
                }

                return;
            }

            foreach (var item in items)
            {
                if (contents.TryGetValue(item.Key, out var content))
                {
                    Put(item.Path, content, item.Mode ?? mode);
                }
                else if (optional != true)
                {
                    Fault ??= $"references non-existent config key: {item.Key}";
                }
            }
        }

        private void Put(string path, ReadOnlyMemory<byte> content, int mode)
        {
            // Paths come from users: none may lead out of the volume.
            var parts = path.Split('/');
            if (path.Length == 0 || path[0] == '/' || parts.Any(p => p is "" or "." or "..") || parts[0].StartsWith("..", StringComparison.Ordinal))
            {
                Fault ??= $"invalid path \"{path}\": must be relative and not contain '..'";
                return;
            }

            Result[path] = new VolumeFile(path, content, (UnixFileMode)(mode & 0b111_111_111));
        }
    }
}
