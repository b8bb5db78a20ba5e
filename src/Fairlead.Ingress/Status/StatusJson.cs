using System.Text.Json.Serialization;
using Fairlead.Kube.Objects;

namespace Fairlead.Ingress.Status;

/// <summary>The generated code that writes addresses.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LoadBalancerIngress))]
internal sealed partial class StatusJson : JsonSerializerContext;
