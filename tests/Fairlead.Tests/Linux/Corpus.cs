using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Linux;

/// <summary>What a kernel has answered: messages as hex, one a line, recorded by the kernel tests with <c>UPDATE_CORPUS=1</c>.</summary>
/// <remarks>Lines that begin with # say what the next one is. A file is named for its kind: <c>route-links.hex</c>.</remarks>
public static class Corpus
{
    private static readonly string s_folder = Golden.Folder("Corpus");

    /// <summary>The names of the files that begin so, without folder and ending.</summary>
    public static TheoryData<string> Named(string prefix)
        => [.. Directory.GetFiles(s_folder, $"{prefix}*.hex").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    /// <summary>The messages of one file.</summary>
    public static IReadOnlyList<byte[]> Read(string name)
        => [.. File.ReadLines(PathOf(name, ".hex")).Where(l => l.Length > 0 && l[0] != '#').Select(Convert.FromHexString)];

    /// <summary>The messages of all files that begin so.</summary>
    public static IReadOnlyList<byte[]> ReadAll(string prefix) => [.. Named(prefix).SelectMany(row => Read(row.Data))];

    /// <summary>The path of the file that says what a corpus file decodes to.</summary>
    public static string Expected(string name) => PathOf(name, ".txt");

    private static string PathOf(string name, string ending) => Path.Combine(s_folder, name + ending);
}
