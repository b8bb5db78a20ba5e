using System.Collections.Immutable;

namespace Fairlead.ApiServer.Schema;

/// <summary>The type of a field's value.</summary>
internal abstract record FieldType
{
    /// <summary>The type as Kubernetes' decoder names it in its errors: <c>int32</c>, <c>[]v1.Container</c>.</summary>
    public abstract string GoName { get; }
}

/// <summary>How a scalar is written in JSON and checked.</summary>
internal enum Scalar
{
    String, Int32, Int64, Number, Bool, Bytes, Time, MicroTime, Duration, Quantity, IntOrString, Any,
}

/// <summary>A value that is not a list, map or described object. <see cref="Values"/> closes a string to a set.</summary>
internal sealed record ScalarType(Scalar Scalar, string Name, ImmutableArray<string> Values = default) : FieldType
{
    public override string GoName => Name;
}

/// <summary>A list.</summary>
internal sealed record ListType(FieldType Item) : FieldType
{
    public override string GoName => $"[]{Item.GoName}";
}

/// <summary>A map from strings.</summary>
internal sealed record MapType(FieldType Value) : FieldType
{
    public override string GoName => $"map[string]{Value.GoName}";
}

/// <summary>An object with described fields.</summary>
internal sealed record ObjectType(SchemaType Type) : FieldType
{
    public override string GoName => Type.GoName;
}
