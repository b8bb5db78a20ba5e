using System.Text.Json;

namespace Fairlead.Kube.Objects;

/// <summary>Fields of an object that its record does not name, kept so that a controller copies them whole.</summary>
public sealed class ExtraFields : Dictionary<string, JsonElement>, IEquatable<ExtraFields>
{
    public ExtraFields()
        : base(StringComparer.Ordinal)
    {
    }

    public bool Equals(ExtraFields? other)
        => other is not null && Count == other.Count
            && this.All(f => other.TryGetValue(f.Key, out var value) && JsonElement.DeepEquals(f.Value, value));

    public override bool Equals(object? obj) => Equals(obj as ExtraFields);

    public override int GetHashCode() => Keys.Aggregate(Count, (hash, key) => hash ^ StringComparer.Ordinal.GetHashCode(key));
}
