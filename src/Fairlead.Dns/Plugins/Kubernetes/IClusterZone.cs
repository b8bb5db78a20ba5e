using Fairlead.Kube.State;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>Where the <c>kubernetes</c> plugin gets its zone from: a cluster that is watched, or in tests one that is made up.</summary>
internal interface IClusterZone : IAsyncDisposable
{
    /// <summary>The newest zone.</summary>
    Snapshot<ZoneSnapshot> Zone { get; }

    /// <summary>The API server that is followed.</summary>
    Uri Server { get; }

    /// <summary>Begins to follow; a second call does nothing.</summary>
    void Start();
}
