namespace Fairlead.EndToEnd.Fixtures;

/// <summary>The commands of a document's section, each with the lines of output that follow it.</summary>
public static class DocumentSession
{
    public static IReadOnlyList<(string Command, string[] Expected)> Read(string document, string section)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, document));
        var start = text.IndexOf($"## {section}", StringComparison.Ordinal);
        var open = text.IndexOf("```console\n", start, StringComparison.Ordinal) + "```console\n".Length;
        var lines = text[open..text.IndexOf("```", open, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return
        [
            .. from i in Enumerable.Range(0, lines.Length)
               where lines[i].StartsWith("# ", StringComparison.Ordinal)
               select (lines[i][2..], lines.Skip(i + 1).TakeWhile(l => !l.StartsWith("# ", StringComparison.Ordinal)).Where(l => l != "…").ToArray()),
        ];
    }
}
