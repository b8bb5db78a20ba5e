namespace Fairlead.EndToEnd.Fixtures;

/// <summary>Where the sources are: tests run the same scripts and files that a user does.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Fairlead.slnx")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside a checkout of Fairlead");
    }
}
