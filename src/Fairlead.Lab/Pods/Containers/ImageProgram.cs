using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Fairlead.Lab.Pods.Variables;
using Fairlead.Lab.Workloads;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>The program that a container's image and command stand for on this machine.</summary>
/// <param name="CommandLine">What is executed.</param>
/// <param name="Variables">What the image sets; a container's own variables win.</param>
/// <param name="IsBuiltIn">Whether it is one of this program's own images.</param>
internal sealed record ImageProgram(ImmutableArray<string> CommandLine, ImmutableArray<KeyValuePair<string, string>> Variables, bool IsBuiltIn = false)
{
    /// <summary>The .NET installation that this process runs on: a program of ours in a pod has none of the variables by which it was found.</summary>
    internal static string RuntimeFolder { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>A command is run from the machine's own files, whatever the image; without one the image must be built in.</summary>
    public static Outcome<ImageProgram> Find(string image, ImmutableArray<string> command, ImmutableArray<string> args, ImmutableArray<string> fairlead)
        => !command.IsEmpty ? new ImageProgram([.. command, .. args], [])
            : BuiltInImages.TryResolve(image, out var builtIn) ? new ImageProgram(builtIn.CommandLine(fairlead, args), [.. builtIn.Environment, new("DOTNET_ROOT", RuntimeFolder)], IsBuiltIn: true)
            : Outcome<ImageProgram>.Failed($"failed to pull image \"{image}\": {BuiltInImages.Describe()}");
}
