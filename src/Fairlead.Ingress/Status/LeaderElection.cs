using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Status;

/// <summary>Decides by a Lease which replica writes status and events. All of them serve requests.</summary>
/// <remarks>
/// Clocks of other machines are not trusted: a Lease counts as abandoned when <i>this</i> replica has seen no change of it for its whole
/// duration.
/// </remarks>
internal sealed partial class LeaderElection(
    KubeClient client, ObjectKey lease, string identity, TimeSpan ttl, TimeProvider time, ILogger logger)
{
    private string _seenVersion = "";
    private long _seenAt;

    /// <summary>Whether this replica leads.</summary>
    public Snapshot<Leadership> State { get; } = new(Leadership.Follower);

    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await RoundAsync(ct);
                await Task.Delay(ttl / 4, time, ct);
            }
        }
        finally
        {
            await ReleaseAsync();
        }
    }

    private async Task RoundAsync(CancellationToken ct)
    {
        try
        {
            Become(await TryHoldAsync(ct));
        }
        catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
        {
            // Without the API server there is nothing to write; a leader that cannot renew steps down before its Lease ends.
            LogFailed(e.Message, lease.Name);
            if (time.GetElapsedTime(_seenAt) > ttl / 2)
            {
                Become(false);
            }
        }
    }

    private async Task<bool> TryHoldAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var current = await client.FindAsync(KubeResources.Leases, lease.Namespace, lease.Name, ct);
        try
        {
            if (current is null)
            {
                Saw(await client.CreateAsync(KubeResources.Leases, new Lease
                {
                    Metadata = new ObjectMeta { Namespace = lease.Namespace, Name = lease.Name },
                    Spec = Held(new LeaseSpec(), now, isNew: true),
                }, ct));
                return true;
            }

            var holder = current.Spec.HolderIdentity ?? "";
            if (!string.Equals(current.Metadata.ResourceVersion, _seenVersion, StringComparison.Ordinal))
            {
                Saw(current);
            }

            var isOurs = string.Equals(holder, identity, StringComparison.Ordinal);
            var isFree = holder.Length == 0 || time.GetElapsedTime(_seenAt) > TimeSpan.FromSeconds(current.Spec.LeaseDurationSeconds ?? 0);
            if (!isOurs && !isFree)
            {
                return false;
            }

            Saw(await client.UpdateAsync(KubeResources.Leases, current with { Spec = Held(current.Spec, now, isNew: !isOurs) }, ct));
            return true;
        }
        catch (KubeException e) when (e.IsConflict || e.IsAlreadyExists)
        {
            // Another replica was faster.
            return false;
        }
    }

    private LeaseSpec Held(LeaseSpec spec, DateTimeOffset now, bool isNew) => spec with
    {
        HolderIdentity = identity,
        LeaseDurationSeconds = (int)Math.Max(1, ttl.TotalSeconds),
        RenewTime = now,
        AcquireTime = isNew ? now : spec.AcquireTime,
        LeaseTransitions = isNew && spec.HolderIdentity is not null ? (spec.LeaseTransitions ?? 0) + 1 : spec.LeaseTransitions ?? 0,
    };

    private void Saw(Lease seen) => (_seenVersion, _seenAt) = (seen.Metadata.ResourceVersion, time.GetTimestamp());

    private void Become(bool leader)
    {
        if (State.Current.IsLeader != leader)
        {
            LogChanged(identity, leader ? "leads" : "follows");
            State.Publish(leader ? Leadership.Leader : Leadership.Follower);
        }
    }

    /// <summary>Lets the next replica lead at once.</summary>
    private async Task ReleaseAsync()
    {
        if (!State.Current.IsLeader)
        {
            return;
        }

        State.Publish(Leadership.Follower);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
        try
        {
            if (await client.FindAsync(KubeResources.Leases, lease.Namespace, lease.Name, limit.Token) is { } current
                && string.Equals(current.Spec.HolderIdentity, identity, StringComparison.Ordinal))
            {
                await client.UpdateAsync(KubeResources.Leases,
                    current with { Spec = current.Spec with { HolderIdentity = "", LeaseDurationSeconds = 1 } }, limit.Token);
            }
        }
        catch (Exception e) when (e is KubeException or HttpRequestException or IOException or OperationCanceledException)
        {
            LogFailed(e.Message, lease.Name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Lease {Lease}: {Problem}")]
    private partial void LogFailed(string problem, string lease);

    [LoggerMessage(LogLevel.Information, "Replica {Identity} {Role}")]
    private partial void LogChanged(string identity, string role);
}

/// <summary>Whether a replica leads.</summary>
internal sealed record Leadership(bool IsLeader)
{
    public static readonly Leadership Leader = new(true);

    public static readonly Leadership Follower = new(false);

    public override string ToString() => IsLeader ? "leader" : "follower";
}
