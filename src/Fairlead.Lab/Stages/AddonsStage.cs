using System.Diagnostics;
using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Lab.Addons;

namespace Fairlead.Lab.Stages;

/// <summary>Cluster DNS and the ingress controller: objects like any others, from here on run by the cluster itself.</summary>
internal sealed class AddonsStage(LabOptions options, Func<KubeClient> client) : ILabStage
{
    public string Name => "objects of cluster DNS and ingress";

    public async Task StartAsync(CancellationToken ct)
    {
        foreach (var manifest in AddonManifests.For(IPNetwork.Parse(options.ServiceCidr)))
        {
            await client().ApplyAsync(manifest, ct);
        }
    }

    /// <summary>They are kept in the store, or go with it.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A person's own manifests, applied by the client that a person uses.</summary>
internal sealed class ManifestsStage(string manifests, LabPaths paths, string kubectl) : ILabStage
{
    public string Name => $"manifests of {manifests}";

    public async Task StartAsync(CancellationToken ct)
    {
        var start = new ProcessStartInfo(kubectl, ["--kubeconfig", paths.KubeConfig, "--cache-dir", Path.Combine(paths.Run, "kubectl"), "apply", "-f", manifests])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new LabException($"{kubectl} could not be started", "check that it runs by hand");
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var error = await process.StandardError.ReadToEndAsync(ct);
        await output;
        await process.WaitForExitAsync(ct);
        if (process.ExitCode != 0)
        {
            throw new LabException($"the API server refused {manifests}: {error.Trim()}", "correct the manifest and run 'fairlead up' again");
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
