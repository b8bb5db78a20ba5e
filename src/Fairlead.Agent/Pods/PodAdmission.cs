using Fairlead.Agent.Policy;
using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Agent.Pods;

/// <summary>Lets a pod be plugged in once its policies are in force.</summary>
internal sealed class PodAdmission(LocalPods pods, NetworkPolicies policies, TimeProvider time) : IPodAdmission
{
    /// <summary>How long a plugin is kept waiting where the pod has policies; then the runtime must ask again.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>How long where it has none: only what it may reach by others' policies depends on it.</summary>
    private static readonly TimeSpan s_openPatience = TimeSpan.FromSeconds(2);

    public void Admit(PodAttachment pod)
    {
        if (pod.Name.Length > 0) // else it is no pod of the cluster, but someone at a keyboard
        {
            // The plugin has a thread of its own; nobody else waits.
            AdmitAsync(pod).GetAwaiter().GetResult();
        }
    }

    private async Task AdmitAsync(PodAttachment pod)
    {
        var waitsFor = "the API server has not told of network policies yet";
        try
        {
            using var limit = new CancellationTokenSource(s_patience, time);
            var known = await UntilAsync(policies.Policies, s => s.Synced, limit.Token);
            if (known.Objects.IsEmpty)
            {
                pods.Put(pod);
                return;
            }

            if (!policies.MaySelect(pod.Namespace))
            {
                limit.CancelAfter(s_openPatience);
            }

            waitsFor = "the API server has not told of this pod yet, which has network policies perhaps";
            await UntilAsync(policies.Namespaces, s => s.Synced, limit.Token);
            await UntilAsync(policies.Pods, s => s.Synced && IsThere(s.Find(pod.Namespace, pod.Name), pod), limit.Token);
            waitsFor = "its network policies are not in force yet";
            await policies.InForceAsync(pods.Put(pod), limit.Token);
        }
        catch (OperationCanceledException) when (policies.MaySelect(pod.Namespace))
        {
            throw new CniException(CniErrorCode.TryAgainLater, $"pod {pod.Namespace}/{pod.Name}: {waitsFor}; see the log of the node's agent");
        }
        catch (OperationCanceledException)
        {
            pods.Put(pod);
        }
    }

    private static bool IsThere(Pod? found, PodAttachment pod)
        => found is not null && (pod.Uid.Length == 0 || found.Metadata.Uid.Length == 0 || pod.Uid == found.Metadata.Uid);

    private static async Task<T> UntilAsync<T>(Snapshot<T> snapshot, Func<T, bool> holds, CancellationToken ct)
        where T : class
    {
        while (true)
        {
            var now = snapshot.Current;
            if (holds(now))
            {
                return now;
            }

            await snapshot.ChangedAsync(now).WaitAsync(ct);
        }
    }
}
