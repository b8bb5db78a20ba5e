using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Lab;

/// <summary>One thing that a lab says while it comes up.</summary>
/// <param name="Part">A part that is up now.</param>
/// <param name="Seconds">How long that took.</param>
/// <param name="Note">Something a person should know.</param>
/// <param name="Failed">What went wrong; nothing follows.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Ready">The lab is up; nothing follows.</param>
public sealed record LabProgress(
    string? Part = null,
    double? Seconds = null,
    string? Note = null,
    string? Failed = null,
    string? Remedy = null,
    bool Ready = false)
{
    /// <summary>One line of JSON: how the lab's process tells the one that waits for it.</summary>
    public string ToLine() => JsonSerializer.Serialize(this, LabProgressJson.Default.LabProgress);

    /// <summary>Reads one line; null for anything else, such as a runtime's last words.</summary>
    public static LabProgress? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, LabProgressJson.Default.LabProgress);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(LabProgress))]
internal sealed partial class LabProgressJson : JsonSerializerContext;
