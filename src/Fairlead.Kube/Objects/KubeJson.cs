using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Fairlead.Kube.Objects;

/// <summary>JSON of the API's objects, without reflection.</summary>
/// <remarks>
/// What is empty is not written: null, false, zero, an empty text of a required field, an empty list, a <c>spec</c> or
/// <c>status</c> that was never given. Where zero or false mean something the property is nullable.
/// </remarks>
public static class KubeJson
{
    private static readonly HashSet<object> s_empties = new(ReferenceEqualityComparer.Instance)
    {
        ObjectMeta.Empty, ListMeta.Empty, ObjectReference.Empty, PodSpec.Empty, PodStatus.Empty, PodTemplateSpec.Empty,
        NodeSpec.Empty, NodeStatus.Empty, NamespaceSpec.Empty, NamespaceStatus.Empty, ServiceSpec.Empty, ServiceStatus.Empty,
        EndpointConditions.Empty, DeploymentSpec.Empty, DeploymentStatus.Empty, ReplicaSetSpec.Empty, ReplicaSetStatus.Empty,
        DaemonSetSpec.Empty, DaemonSetStatus.Empty, IngressSpec.Empty, IngressStatus.Empty, NetworkPolicySpec.Empty, IngressBackend.Empty,
        IngressClassSpec.Empty, LeaseSpec.Empty, RoleRef.Empty,
    };

    /// <summary>How the API's JSON is read and written.</summary>
    public static JsonSerializerOptions Options { get; } = MakeOptions();

    /// <summary>The generated code for one record.</summary>
    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    public static string Serialize<T>(T value) => JsonSerializer.Serialize(value, TypeInfo<T>());

    public static byte[] SerializeToUtf8Bytes<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());

    public static JsonNode ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, TypeInfo<T>())!;

    public static T Deserialize<T>(ReadOnlySpan<byte> utf8)
        => JsonSerializer.Deserialize(utf8, TypeInfo<T>()) ?? throw new JsonException("null");

    public static T Deserialize<T>(string json) => JsonSerializer.Deserialize(json, TypeInfo<T>()) ?? throw new JsonException("null");

    public static T FromNode<T>(JsonNode node) => node.Deserialize(TypeInfo<T>()) ?? throw new JsonException("null");

    public static T FromElement<T>(JsonElement element) => element.Deserialize(TypeInfo<T>()) ?? throw new JsonException("null");

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions(KubeJsonContext.Default.Options)
        {
            TypeInfoResolver = KubeJsonContext.Default.WithAddedModifier(LeaveOutEmpty),
            MaxDepth = 64,
        };
        options.MakeReadOnly();
        return options;
    }

    private static void LeaveOutEmpty(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            // A property that says itself when it is written keeps that. Nullable strings may be meant to be empty (an unnamed port's
            // name); the others are never null, so "" is "not given".
            if (property.IsGetNullable || property.ShouldSerialize is not null)
            {
                continue;
            }

            if (property.PropertyType == typeof(string))
            {
                property.ShouldSerialize = static (_, value) => value is string { Length: > 0 };
            }
            else if (!property.PropertyType.IsValueType)
            {
                property.ShouldSerialize = static (_, value) => value is not null && !s_empties.Contains(value);
            }
        }
    }
}
