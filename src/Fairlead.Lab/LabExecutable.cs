using System.Collections;

namespace Fairlead.Lab;

/// <summary>This program, as the lab starts it again for its parts.</summary>
internal static class LabExecutable
{
    /// <summary>The path of <c>fairlead</c>.</summary>
    public static string Path { get; } = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no executable");

    /// <summary>Where this program and the runtime that it runs on are.</summary>
    public static IReadOnlyList<string> Folders { get; } = [System.IO.Path.GetDirectoryName(Path)!, Pods.Containers.ImageProgram.RuntimeFolder];

    /// <summary>This process's environment, with the runtime told to stay small: a lab runs many processes on one machine.</summary>
    public static Dictionary<string, string> SmallEnvironment()
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "", StringComparer.Ordinal);
        variables["DOTNET_gcConcurrent"] = "0";
        variables["DOTNET_GCgen0size"] = "0x400000";      // 4 MiB of young objects instead of the processor cache's size
        variables["DOTNET_GCConserveMemory"] = "7";
        variables["DOTNET_TieredPGO"] = "0";              // its counters cost memory and start-up time, and no path here is hot for long
        return variables;
    }
}
