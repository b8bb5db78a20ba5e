namespace Fairlead.Cni.AgentSocket;

/// <summary>The namespaces of the cluster that have network policies, in a file that outlives the agent: one a line.</summary>
public static class PolicyNamespaces
{
    /// <summary>None where there is no file.</summary>
    public static IReadOnlyList<string> Read(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <summary>Replaces the file whole, where anything in it changes.</summary>
    public static void Write(string file, IEnumerable<string> namespaces)
    {
        var sorted = namespaces.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (Read(file).SequenceEqual(sorted, StringComparer.Ordinal))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllLines(file + ".new", sorted);
        File.Move(file + ".new", file, overwrite: true);
    }
}
