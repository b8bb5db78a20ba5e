using Fairlead.Lab;

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

    public static void Write(TextWriter error, LabException failure) => Write(error, failure.Message, failure.Remedy);
}
