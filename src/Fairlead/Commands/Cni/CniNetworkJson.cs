using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Cni.Runtime;

namespace Fairlead.Commands.Cni;

/// <summary>A network for programs.</summary>
internal sealed record CniNetworkJson(string Name, string File, string CniVersion, bool? Ready, bool DisableCheck, bool DisableGC, IReadOnlyList<CniNetworkPlugin> Plugins)
{
    private static readonly CniNetworkJsonContext s_context = new(new JsonSerializerOptions(CniNetworkJsonContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static string Write(CniNetwork network, bool? ready = null) => JsonSerializer.Serialize(
        new CniNetworkJson(network.Name, network.File, network.Version, ready, network.ChecksDisabled, network.CollectionDisabled, network.Plugins),
        s_context.CniNetworkJson);
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CniNetworkJson))]
internal sealed partial class CniNetworkJsonContext : JsonSerializerContext;
