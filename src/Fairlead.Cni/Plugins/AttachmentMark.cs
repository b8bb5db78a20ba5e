using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>What says, on a link or an nftables element, for whom it was made: how DEL and GC know their own, and a person whose it is.</summary>
/// <remarks>
/// Written as <c>NETWORK/CONTAINER/INTERFACE NAMESPACE/POD</c>. Parts that are too long end in a hash, alike when written and when
/// compared, so that the identifying ones always fit into a comment of nftables (127 bytes); the pod is left out where it does not.
/// </remarks>
internal sealed record AttachmentMark
{
    private const int LongestNetwork = 40;
    private const int LongestContainer = 64;
    private const int LongestComment = 127; // what nft reads
    private const int LongestAlias = 255; // linux/if.h: IFALIASZ with its terminator
    private const string AliasPrefix = "fairlead ";

    private AttachmentMark(string network, string containerId, string interfaceName)
        => (Network, ContainerId, InterfaceName) = (network, containerId, interfaceName);

    public string Network { get; }

    public string ContainerId { get; }

    public string InterfaceName { get; }

    /// <summary>For people; two marks that differ only here are of the same attachment.</summary>
    public string? Pod { get; init; }

    /// <summary>The mark as the comment of an nftables element.</summary>
    public string Comment => WithPod(ToString(), LongestComment);

    /// <summary>The mark as the alias of a link.</summary>
    public string Alias => WithPod(AliasPrefix + ToString(), LongestAlias);

    public static AttachmentMark Of(PluginCall call)
        => Of(call.Config.Name, call.Attachment) with { Pod = call.Environment.Arguments.Pod };

    public static AttachmentMark Of(string network, CniAttachmentKey attachment)
        => new(Short(network, LongestNetwork), Short(attachment.ContainerId, LongestContainer), attachment.InterfaceName);

    public static AttachmentMark? OfAlias(string? alias)
        => alias?.StartsWith(AliasPrefix, StringComparison.Ordinal) == true ? OfComment(alias[AliasPrefix.Length..]) : null;

    public static AttachmentMark? OfComment(string? comment)
    {
        var words = comment?.Split(' ', 2);
        return words?[0].Split('/') is [{ Length: > 0 } network, { Length: > 0 } container, { Length: > 0 } name]
            ? new AttachmentMark(network, container, name) { Pod = words.Length > 1 ? words[1] : null }
            : null;
    }

    public bool IsSameAs(AttachmentMark? other)
        => other is not null && (Network, ContainerId, InterfaceName) == (other.Network, other.ContainerId, other.InterfaceName);

    /// <summary>Whether it is of a network and belongs to none of the attachments that are valid.</summary>
    public bool IsStale(string network, IEnumerable<CniAttachmentKey> valid)
        => Network == Short(network, LongestNetwork) && !valid.Any(key => IsSameAs(Of(network, key)));

    /// <summary>A short name that is the same for every call for the attachment.</summary>
    public string Hash(int attempt = 0) => StableHash.Text($"{this} {attempt}");

    public override string ToString() => $"{Network}/{ContainerId}/{InterfaceName}";

    private string WithPod(string text, int longest)
        => Pod is { Length: > 0 } && text.Length + 1 + Pod.Length <= longest && Pod.All(c => c is > ' ' and <= '~' and not '"') ? $"{text} {Pod}" : text;

    private static string Short(string text, int longest)
        => text.Length <= longest ? text : $"{text[..(longest - 9)]}~{StableHash.Text(text)}";
}
