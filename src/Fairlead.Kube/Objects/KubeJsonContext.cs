using System.Text.Json.Serialization;

namespace Fairlead.Kube.Objects;

/// <summary>Generated JSON code for every record of the API.</summary>
/// <remarks>
/// Each item type of an <c>EquatableArray</c> stands here twice, as a type and as a converter: without reflection nothing else
/// finds it. A test compares the lists with the records.
/// </remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    GenerationMode = JsonSourceGenerationMode.Metadata,
    Converters =
    [
        typeof(TimeConverter),
        typeof(EquatableMapConverter),
        typeof(EquatableArrayConverter<Condition>),
        typeof(EquatableArrayConverter<Container>),
        typeof(EquatableArrayConverter<ContainerPort>),
        typeof(EquatableArrayConverter<ContainerStatus>),
        typeof(EquatableArrayConverter<DownwardApiFile>),
        typeof(EquatableArrayConverter<Endpoint>),
        typeof(EquatableArrayConverter<EndpointPort>),
        typeof(EquatableArrayConverter<EnvFromSource>),
        typeof(EquatableArrayConverter<EnvVar>),
        typeof(EquatableArrayConverter<HostAlias>),
        typeof(EquatableArrayConverter<HttpHeader>),
        typeof(EquatableArrayConverter<IngressPath>),
        typeof(EquatableArrayConverter<IngressRule>),
        typeof(EquatableArrayConverter<IngressTls>),
        typeof(EquatableArrayConverter<KeyToPath>),
        typeof(EquatableArrayConverter<LabelSelectorRequirement>),
        typeof(EquatableArrayConverter<LoadBalancerIngress>),
        typeof(EquatableArrayConverter<LocalObjectReference>),
        typeof(EquatableArrayConverter<NamedHint>),
        typeof(EquatableArrayConverter<NetworkPolicyEgressRule>),
        typeof(EquatableArrayConverter<NetworkPolicyIngressRule>),
        typeof(EquatableArrayConverter<NetworkPolicyPeer>),
        typeof(EquatableArrayConverter<NetworkPolicyPort>),
        typeof(EquatableArrayConverter<NodeAddress>),
        typeof(EquatableArrayConverter<NodeSelectorTerm>),
        typeof(EquatableArrayConverter<ObjectReference>),
        typeof(EquatableArrayConverter<OwnerReference>),
        typeof(EquatableArrayConverter<PodDnsConfigOption>),
        typeof(EquatableArrayConverter<PodIP>),
        typeof(EquatableArrayConverter<PodReadinessGate>),
        typeof(EquatableArrayConverter<PolicyRule>),
        typeof(EquatableArrayConverter<ServicePort>),
        typeof(EquatableArrayConverter<StatusCause>),
        typeof(EquatableArrayConverter<Subject>),
        typeof(EquatableArrayConverter<Sysctl>),
        typeof(EquatableArrayConverter<Taint>),
        typeof(EquatableArrayConverter<Toleration>),
        typeof(EquatableArrayConverter<Volume>),
        typeof(EquatableArrayConverter<VolumeMount>),
        typeof(EquatableArrayConverter<VolumeProjection>),
        typeof(EquatableArrayConverter<string>),
    ])]
[JsonSerializable(typeof(ClusterRole))]
[JsonSerializable(typeof(ClusterRoleBinding))]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(DaemonSet))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(EndpointSlice))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(Ingress))]
[JsonSerializable(typeof(IngressClass))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(Namespace))]
[JsonSerializable(typeof(NetworkPolicy))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(PartialObject))]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(ReplicaSet))]
[JsonSerializable(typeof(Role))]
[JsonSerializable(typeof(RoleBinding))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(Service))]
[JsonSerializable(typeof(ServiceAccount))]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(Condition))]
[JsonSerializable(typeof(Container))]
[JsonSerializable(typeof(ContainerPort))]
[JsonSerializable(typeof(ContainerStatus))]
[JsonSerializable(typeof(DownwardApiFile))]
[JsonSerializable(typeof(Endpoint))]
[JsonSerializable(typeof(EndpointPort))]
[JsonSerializable(typeof(EnvFromSource))]
[JsonSerializable(typeof(EnvVar))]
[JsonSerializable(typeof(HostAlias))]
[JsonSerializable(typeof(HttpHeader))]
[JsonSerializable(typeof(IngressPath))]
[JsonSerializable(typeof(IngressRule))]
[JsonSerializable(typeof(IngressTls))]
[JsonSerializable(typeof(KeyToPath))]
[JsonSerializable(typeof(LabelSelectorRequirement))]
[JsonSerializable(typeof(LoadBalancerIngress))]
[JsonSerializable(typeof(LocalObjectReference))]
[JsonSerializable(typeof(NamedHint))]
[JsonSerializable(typeof(NetworkPolicyEgressRule))]
[JsonSerializable(typeof(NetworkPolicyIngressRule))]
[JsonSerializable(typeof(NetworkPolicyPeer))]
[JsonSerializable(typeof(NetworkPolicyPort))]
[JsonSerializable(typeof(NodeAddress))]
[JsonSerializable(typeof(NodeSelectorTerm))]
[JsonSerializable(typeof(ObjectReference))]
[JsonSerializable(typeof(OwnerReference))]
[JsonSerializable(typeof(PodDnsConfigOption))]
[JsonSerializable(typeof(PodIP))]
[JsonSerializable(typeof(PodReadinessGate))]
[JsonSerializable(typeof(PolicyRule))]
[JsonSerializable(typeof(ServicePort))]
[JsonSerializable(typeof(StatusCause))]
[JsonSerializable(typeof(Subject))]
[JsonSerializable(typeof(Sysctl))]
[JsonSerializable(typeof(Taint))]
[JsonSerializable(typeof(Toleration))]
[JsonSerializable(typeof(Volume))]
[JsonSerializable(typeof(VolumeMount))]
[JsonSerializable(typeof(VolumeProjection))]
[JsonSerializable(typeof(string))]
internal sealed partial class KubeJsonContext : JsonSerializerContext;
