using Fairlead.Lab;
using Fairlead.Topology;

namespace Fairlead.CommandLine;

/// <summary>How a failure is told: what happened, then what to do.</summary>
internal static class ErrorView
{
    public static void Write(TextWriter error, string message, string? remedy = null)
    {
        error.WriteLine($"error: {message}");
        if (remedy is not null)
        {
            error.WriteLine($"  try: {remedy}");
        }
    }

    /// <summary>Every reason, each on its line.</summary>
    public static void Write(TextWriter error, TopologyException failure)
    {
        foreach (var line in failure.Lines)
        {
            error.WriteLine($"error: {line}");
        }
    }

    public static void Write(TextWriter error, LabException failure) => Write(error, failure.Message, failure.Remedy);
}
