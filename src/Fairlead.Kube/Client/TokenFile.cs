namespace Fairlead.Kube.Client;

/// <summary>A bearer token in a file that somebody else renews.</summary>
internal sealed class TokenFile(string path)
{
    private volatile Content? _content;

    /// <summary>The token, read again if the file has changed; the last one if it cannot be read just now.</summary>
    public string? Read()
    {
        try
        {
            // A projected volume swaps symlinks: the time of what the link leads to is what changes.
            var changed = (File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)).LastWriteTimeUtc;
            if (_content is { } seen && seen.Changed == changed)
            {
                return seen.Token;
            }

            var content = new Content(changed, File.ReadAllText(path).Trim());
            _content = content;
            return content.Token;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return _content is { } last ? last.Token : throw new KubeConfigException(path, "", e.Message, e);
        }
    }

    private sealed record Content(DateTime Changed, string Token);
}
