using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>An interface of a container, as the runtime asks a network for it.</summary>
/// <param name="ContainerId">The container's id: letters, digits, '_', '.' and '-'.</param>
/// <param name="NetworkNamespace">The path of the container's network namespace; empty for a DEL after it is gone.</param>
/// <param name="InterfaceName">The name of the interface inside, such as <c>eth0</c>.</param>
public sealed record CniAttachment(string ContainerId, string NetworkNamespace, string InterfaceName)
{
    /// <summary>What goes to <c>CNI_ARGS</c>, such as <c>K8S_POD_NAME</c>.</summary>
    public ImmutableSortedDictionary<string, string> Arguments { get; init; }
        = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Capability arguments, such as <c>portMappings</c>; each goes only to plugins that declare the capability.</summary>
    public ImmutableSortedDictionary<string, JsonNode> Capabilities { get; init; }
        = ImmutableSortedDictionary.Create<string, JsonNode>(StringComparer.Ordinal);

    /// <summary>Reads the form of <c>CNI_ARGS</c>: <c>KEY=VALUE;KEY=VALUE</c>.</summary>
    /// <exception cref="CniException">A part is no pair.</exception>
    public static ImmutableSortedDictionary<string, string> ParseArguments(string text)
        => CniArguments.Parse(text).Pairs.Aggregate(
            ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal), (all, pair) => all.SetItem(pair.Key, pair.Value));

    /// <summary>Reads the form of <c>CAP_ARGS</c>: a JSON object of capabilities.</summary>
    /// <exception cref="CniException">The text is no JSON object.</exception>
    public static ImmutableSortedDictionary<string, JsonNode> ParseCapabilities(string json)
    {
        if (json.Length == 0)
        {
            return ImmutableSortedDictionary.Create<string, JsonNode>(StringComparer.Ordinal);
        }

        try
        {
            return JsonNode.Parse(json) is JsonObject all
                ? all.Where(c => c.Value is not null).ToImmutableSortedDictionary(c => c.Key, c => c.Value!.DeepClone(), StringComparer.Ordinal)
                : throw new CniException(CniErrorCode.InvalidEnvironment, "CAP_ARGS: expected an object of capabilities");
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"CAP_ARGS: {e.Message}", inner: e);
        }
    }

    /// <summary>The id of a container that is known by its namespace alone; the one that <c>cnitool</c> makes, so that either can undo the other's work.</summary>
    public static string ContainerIdOf(string networkNamespace)
        => $"cnitool-{Convert.ToHexStringLower(SHA512.HashData(Encoding.UTF8.GetBytes(networkNamespace)).AsSpan(0, 10))}";

    /// <summary>What GC knows it by.</summary>
    public CniAttachmentKey Key => new(ContainerId, InterfaceName);
}
