using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Files;

/// <summary>The volumes of one pod on this machine.</summary>
/// <remarks>
/// All that is not the host's is on one tmpfs, which goes with the pod: Secrets and tokens never touch a disk.
/// One caller at a time: the pod's own loop.
/// </remarks>
internal sealed class PodVolumes(PodHost host, PodFolder folder)
{
    private const UnixFileMode Everyone = (UnixFileMode)0b111_111_111;

    private readonly Dictionary<string, VolumeContent> _written = new(StringComparer.Ordinal);
    private readonly Dictionary<ServiceAccountTokenProjection, (string Token, DateTimeOffset Refresh)> _tokens = [];
    private readonly HashSet<string> _emptied = new(StringComparer.Ordinal);
    private readonly Stack<string> _mounts = [];

    /// <summary>When a token is to be renewed.</summary>
    public DateTimeOffset? NextRefresh => _tokens.Count == 0 ? null : _tokens.Values.Min(t => t.Refresh);

    /// <summary>Makes the volumes be what the pod and its sources say now; what is missing, or null.</summary>
    public async Task<string?> SyncAsync(Pod pod, PodAddresses addresses, CancellationToken ct)
    {
        Mount();
        if (await RenewTokensAsync(pod, ct) is { } refused)
        {
            return refused;
        }

        var sources = new VolumeSources(
            host.Inputs.Current, addresses, host.Resources, p => _tokens.TryGetValue(p, out var token) ? token.Token : null, host.Options.ClusterCertificate);
        foreach (var volume in pod.Spec.Volumes)
        {
            if (Sync(volume, pod, sources) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    /// <summary>Removes them; the host's own files stay.</summary>
    public void Remove()
    {
        while (_mounts.TryPeek(out var mount))
        {
            _ = Linux.Processes.Mount.Detach(mount);
            host.Leftovers.RemoveMount(mount);
            _ = _mounts.Pop();
        }
    }

    private void Mount()
    {
        if (_mounts.Count == 0)
        {
            Directory.CreateDirectory(folder.Volumes);
            MountMemory(folder.Volumes, "mode=755");
        }
    }

    private void MountMemory(string path, string options)
    {
        host.Leftovers.AddMount(path);
        Linux.Processes.Mount.FileSystem("tmpfs", path, options);

        // What could not be mounted does not count as made: the next turn must not write to the disk that is there instead.
        _mounts.Push(path);
    }

    private string? Sync(Volume volume, Pod pod, VolumeSources sources)
    {
        var path = folder.Volume(volume.Name);
        switch (volume)
        {
            case { EmptyDir: { } empty }:
                if (!_emptied.Contains(volume.Name))
                {
                    MakeEmpty(path, empty, GroupOf(pod));
                    _emptied.Add(volume.Name);
                }

                return null;
            case { HostPath: { } hostPath }:
                return CheckHostPath(volume.Name, hostPath);
            case var _ when !VolumeFilesCompiler.IsWritten(volume):
                var kind = volume.Extra?.Keys.Order(StringComparer.Ordinal).FirstOrDefault() ?? "of no kind";
                return $"the lab has no volumes of kind {kind} (volume \"{volume.Name}\"); it has configMap, secret, projected, downwardAPI, emptyDir and hostPath";
        }

        var (content, fault) = VolumeFilesCompiler.Compile(volume, pod, sources);
        if (fault is not null)
        {
            // Files that are there stay as they are: a ConfigMap deleted under a running pod takes nothing from it.
            return _written.ContainsKey(volume.Name) ? null : fault;
        }

        if (!_written.TryGetValue(volume.Name, out var before) || before != content)
        {
            AtomicFolder.Write(path, content!.Files, host.Time.GetUtcNow(), GroupOf(pod));
            _written[volume.Name] = content;
        }

        return null;
    }

    private void MakeEmpty(string path, EmptyDirVolume empty, uint? group)
    {
        Directory.CreateDirectory(path);
        if (Quantity.TryParse(empty.SizeLimit, out var limit) && limit > 0)
        {
            MountMemory(path, string.Create(CultureInfo.InvariantCulture, $"mode=777,size={(long)limit}"));
        }

        File.SetUnixFileMode(path, Everyone);
        if (group is { } owner)
        {
            VolumeGroup.Give(path, owner, VolumeGroup.ReadAndWrite);
        }
    }

    private static string? CheckHostPath(string name, HostPathVolume volume)
    {
        switch (volume.Type)
        {
            case "DirectoryOrCreate":
                Directory.CreateDirectory(volume.Path);
                break;
            case "FileOrCreate" when !File.Exists(volume.Path):
                File.WriteAllBytes(volume.Path, []);
                break;
        }

        var exists = volume.Type switch
        {
            "Directory" => Directory.Exists(volume.Path),
            "File" => File.Exists(volume.Path),
            _ => Path.Exists(volume.Path),
        };
        return exists ? null : $"MountVolume.SetUp failed for volume \"{name}\" : hostPath type check failed: {volume.Path} is not a {(volume.Type is { Length: > 0 } type ? type : "path")}";
    }

    private async Task<string?> RenewTokensAsync(Pod pod, CancellationToken ct)
    {
        foreach (var projection in pod.Spec.Volumes.SelectMany(v => v.Projected?.Sources ?? default).Select(s => s.ServiceAccountToken).OfType<ServiceAccountTokenProjection>())
        {
            var isThere = _tokens.TryGetValue(projection, out var known);
            if (isThere && known.Refresh > host.Time.GetUtcNow())
            {
                continue;
            }

            try
            {
                _tokens[projection] = await RequestTokenAsync(pod, projection, ct);
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                if (!isThere)
                {
                    return $"MountVolume.SetUp failed for a token of service account \"{AccountOf(pod)}\" : failed to fetch token: {e.Message}";
                }

                // The old one is good for a while yet.
                _tokens[projection] = known with { Refresh = host.Time.GetUtcNow() + TimeSpan.FromSeconds(10) };
            }
        }

        return null;
    }

    private async Task<(string Token, DateTimeOffset Refresh)> RequestTokenAsync(Pod pod, ServiceAccountTokenProjection projection, CancellationToken ct)
    {
        var spec = new JsonObject
        {
            ["expirationSeconds"] = projection.ExpirationSeconds ?? 3600,
            ["boundObjectRef"] = new JsonObject { ["kind"] = "Pod", ["apiVersion"] = "v1", ["name"] = pod.Metadata.Name, ["uid"] = pod.Metadata.Uid },
        };
        if (projection.Audience is { Length: > 0 } audience)
        {
            spec["audiences"] = new JsonArray(audience);
        }

        var request = new JsonObject { ["apiVersion"] = "authentication.k8s.io/v1", ["kind"] = "TokenRequest", ["spec"] = spec };
        var answer = await host.Client.PostAsync(KubeResources.ServiceAccounts, pod.Metadata.Namespace, AccountOf(pod), "token", request, ct);
        var token = (string?)answer?["status"]?["token"] ?? throw new IOException("the API server's TokenRequest answer has no status.token");
        var now = host.Time.GetUtcNow();
        var expires = DateTimeOffset.TryParse((string?)answer!["status"]?["expirationTimestamp"], CultureInfo.InvariantCulture, out var at) ? at : now + TimeSpan.FromHours(1);

        // Kubelet renews after four fifths of its life.
        return (token, now + ((expires - now) * 0.8));
    }

    private static uint? GroupOf(Pod pod) => (uint?)pod.Spec.SecurityContext?.FsGroup;

    private static string AccountOf(Pod pod) => pod.Spec.ServiceAccountName is { Length: > 0 } name ? name : "default";
}
