using System.Runtime.CompilerServices;

namespace Fairlead.Tests.Fixtures;

/// <summary>Compares text with a file kept beside the tests; with UPDATE_GOLDEN=1 in the environment the file is rewritten instead.</summary>
public static class Golden
{
    /// <summary>A folder beside the calling test's source.</summary>
    public static string Folder(string name, [CallerFilePath] string caller = "") => Path.Combine(Path.GetDirectoryName(caller)!, name);

    public static void Match(string actual, string path)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(path, actual);
        }

        Assert.True(File.Exists(path), $"{path} is not there; UPDATE_GOLDEN=1 writes it");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
