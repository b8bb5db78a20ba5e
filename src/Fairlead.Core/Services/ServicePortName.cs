using Fairlead.Kube.Objects;

namespace Fairlead.Core.Services;

/// <summary>Which port of which Service: what every kernel object made for it is labelled with.</summary>
public readonly record struct ServicePortName(ObjectKey Service, string Port, Protocol Protocol) : IComparable<ServicePortName>
{
    public int CompareTo(ServicePortName other)
    {
        var order = string.CompareOrdinal(Service.Namespace, other.Service.Namespace);
        order = order != 0 ? order : string.CompareOrdinal(Service.Name, other.Service.Name);
        order = order != 0 ? order : string.CompareOrdinal(Port, other.Port);
        return order != 0 ? order : Protocol.CompareTo(other.Protocol);
    }

    /// <summary><c>namespace/name:port</c>, as kube-proxy writes it; a port without a name leaves the colon out.</summary>
    public override string ToString() => Port.Length == 0 ? $"{Service.Namespace}/{Service.Name}" : $"{Service.Namespace}/{Service.Name}:{Port}";

    public static bool operator <(ServicePortName left, ServicePortName right) => left.CompareTo(right) < 0;

    public static bool operator <=(ServicePortName left, ServicePortName right) => left.CompareTo(right) <= 0;

    public static bool operator >(ServicePortName left, ServicePortName right) => left.CompareTo(right) > 0;

    public static bool operator >=(ServicePortName left, ServicePortName right) => left.CompareTo(right) >= 0;
}
