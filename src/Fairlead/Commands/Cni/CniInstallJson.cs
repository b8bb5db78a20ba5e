using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Commands.Cni;

/// <summary>What an installation did, for programs.</summary>
internal sealed record CniInstallJson(IReadOnlyList<string> Made, IReadOnlyList<string> Others, IReadOnlyList<string> Removed)
{
    public static string Write(CniInstallJson done) => JsonSerializer.Serialize(done, CniInstallJsonContext.Default.CniInstallJson);
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CniInstallJson))]
internal sealed partial class CniInstallJsonContext : JsonSerializerContext;
