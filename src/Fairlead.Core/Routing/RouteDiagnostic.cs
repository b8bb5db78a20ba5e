namespace Fairlead.Core.Routing;

/// <summary>Something in the objects that does not do what its author may expect: an Event for people, a line of <c>why</c>.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Kind">The kind of the object it is about: <c>Ingress</c>, <c>ConfigMap</c>.</param>
/// <param name="Object">The object it is about.</param>
/// <param name="Reason">One word, as Events have: <c>ServiceNotFound</c>.</param>
/// <param name="Message">What is wrong, with the value, what happens instead, and the remedy.</param>
public sealed record RouteDiagnostic(DiagnosticSeverity Severity, string Kind, Kube.Objects.ObjectKey Object, string Reason, string Message)
{
    public override string ToString() => $"{Severity} {Kind} {Object.Namespace}/{Object.Name} {Reason}: {Message}";
}

/// <summary>How bad a <see cref="RouteDiagnostic"/> is.</summary>
public enum DiagnosticSeverity
{
    /// <summary>Accepted and without effect here, by design.</summary>
    Notice,

    /// <summary>A part does not do what it says.</summary>
    Warning,

    /// <summary>Requests fail because of it.</summary>
    Error,
}
