using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>A Service and its port as an Ingress names them: a name or a number.</summary>
/// <remarks>A class with its hash at hand, since every request looks one up.</remarks>
public sealed class UpstreamKey(ObjectKey service, string port, bool direct) : IEquatable<UpstreamKey>
{
    private readonly int _hash = HashCode.Combine(service, port, direct);

    public ObjectKey Service => service;

    /// <summary>The port's name or number; empty for the Service's first port.</summary>
    public string Port => port;

    /// <summary>The Service's own address is used instead of its endpoints (<c>service-upstream</c>).</summary>
    public bool ByServiceAddress => direct;

    public bool Equals(UpstreamKey? other)
        => ReferenceEquals(this, other)
            || (other is not null && _hash == other._hash && service == other.Service && direct == other.ByServiceAddress
                && string.Equals(port, other.Port, StringComparison.Ordinal));

    public override bool Equals(object? obj) => Equals(obj as UpstreamKey);

    public override int GetHashCode() => _hash;

    /// <summary>As ingress-nginx names it in logs and metrics.</summary>
    public override string ToString()
        => port.Length == 0 ? $"{service.Namespace}-{service.Name}" : $"{service.Namespace}-{service.Name}-{port}";
}

/// <summary>Where the requests for a Service's port go.</summary>
/// <param name="Key">Which Service and port.</param>
/// <param name="Endpoints">Ready endpoints, sorted; empty answers 503.</param>
/// <param name="Fault">Why there can be none; null when there are, or there will be once pods are ready.</param>
public sealed record Upstream(UpstreamKey Key, EquatableArray<UpstreamEndpoint> Endpoints, UpstreamFault? Fault)
{
    public override string ToString()
        => $"{Key} → {(Endpoints.IsEmpty ? Fault?.Message ?? "no ready endpoints" : string.Join(' ', Endpoints))}";
}

/// <summary>What is wrong with a Service that an Ingress names.</summary>
public sealed record UpstreamFault(string Reason, string Message);

/// <summary>One address and port that requests are sent to.</summary>
public readonly record struct UpstreamEndpoint(IPAddress Address, int Port)
{
    public override string ToString() => new IPEndPoint(Address, Port).ToString();
}
