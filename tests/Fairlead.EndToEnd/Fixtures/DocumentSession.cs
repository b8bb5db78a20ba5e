namespace Fairlead.EndToEnd.Fixtures;

/// <summary>The commands of a document's section, each with the lines of output that follow it.</summary>
public static class DocumentSession
{
    public static IReadOnlyList<(string Command, string[] Expected)> Read(string document, string section)
    {
        var lines = Block(document, section, "console").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return
        [
            .. from i in Enumerable.Range(0, lines.Length)
               where lines[i].StartsWith("# ", StringComparison.Ordinal)
               select (lines[i][2..], lines.Skip(i + 1).TakeWhile(l => !l.StartsWith("# ", StringComparison.Ordinal)).Where(l => l != "…").ToArray()),
        ];
    }

    /// <summary>The first block of a language in a document's section.</summary>
    public static string Block(string document, string section, string language)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, document));
        var start = text.IndexOf($"## {section}\n", StringComparison.Ordinal);
        var fence = $"```{language}\n";
        var open = text.IndexOf(fence, start, StringComparison.Ordinal) + fence.Length;
        return text[open..text.IndexOf("```", open, StringComparison.Ordinal)];
    }
}
