using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>What was made for each attachment, in libcni's folder, names and format, so that either side can undo the other's work.</summary>
/// <remarks>
/// An entry is written before the plugins run, without a result, and again when they are done: a DEL or GC after a crash in
/// between still knows the configuration and the arguments.
/// </remarks>
internal sealed class ResultCache(string folder)
{
    private const string Kind = "cniCacheV1"; // libcni/api.go: CNICacheV1
    private readonly string _results = Path.Combine(folder, "results");

    /// <exception cref="CniException">The folder cannot be written.</exception>
    public void Save(NetworkList network, CniAttachment attachment, CniResult? result)
    {
        try
        {
            Directory.CreateDirectory(_results);
            Write(network, attachment, result);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"cache folder: {e.Message}", inner: e);
        }
    }

    private void Write(NetworkList network, CniAttachment attachment, CniResult? result)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("kind", Kind);
            writer.WriteString("containerId", attachment.ContainerId);
            writer.WriteBase64String("config", network.Text.Span);
            writer.WriteString("ifName", attachment.InterfaceName);
            writer.WriteString("networkName", network.Name);
            writer.WriteString("netns", attachment.NetworkNamespace);
            writer.WriteStartArray("cniArgs");
            foreach (var (key, value) in attachment.Arguments)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(key);
                writer.WriteStringValue(value);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteStartObject("capabilityArgs");
            foreach (var (key, value) in attachment.Capabilities)
            {
                writer.WritePropertyName(key);
                value.WriteTo(writer);
            }

            writer.WriteEndObject();
            if (result is not null)
            {
                writer.WritePropertyName("result");
                ResultWriter.Write(writer, result, network.Version);
            }

            writer.WriteEndObject();
        }

        var path = PathOf(network.Name, attachment.Key);
        var temporary = Path.Combine(_results, $".{Path.GetFileName(path)}.tmp"); // no network's name begins with a dot
        File.WriteAllBytes(temporary, buffer.WrittenSpan);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>The entry of an attachment; null if there is none, or one that cannot be read: then the current configuration must do.</summary>
    public CachedAttachment? Find(string network, CniAttachmentKey key)
        => Read(PathOf(network, key)) is { } entry && entry.Attachment.Key == key && entry.Network.Name == network ? entry : null; // names hold '-'

    /// <summary>The entry of an attachment whatever its network.</summary>
    public CachedAttachment? Find(CniAttachmentKey key)
        => Files($"*-{key.ContainerId}-{key.InterfaceName}").Select(Read).FirstOrDefault(entry => entry?.Attachment.Key == key);

    public IEnumerable<CachedAttachment> List() => Files("*").Select(Read).OfType<CachedAttachment>();

    public void Remove(string network, CniAttachmentKey key)
    {
        if (Directory.Exists(_results))
        {
            File.Delete(PathOf(network, key));
        }
    }

    private IEnumerable<string> Files(string pattern) => Directory.Exists(_results)
        ? Directory.EnumerateFiles(_results, pattern).Where(f => Path.GetFileName(f)[0] != '.').Order(StringComparer.Ordinal)
        : [];

    private string PathOf(string network, CniAttachmentKey key)
        => Path.Combine(_results, $"{network}-{key.ContainerId}-{key.InterfaceName}");

    private static CachedAttachment? Read(string path)
    {
        try
        {
            var reader = new Utf8JsonReader(File.ReadAllBytes(path));
            var root = new ConfigNode(JsonElement.ParseValue(ref reader), path);
            if (root["kind"].Text() != Kind)
            {
                return null;
            }

            var network = NetworkList.Parse(path, root["config"].Element.GetBytesFromBase64());
            var attachment = new CniAttachment(root["containerId"].Text(), root["netns"].Text(), root["ifName"].Text())
            {
                Arguments = root["cniArgs"].Items().Select(pair => pair.Texts())
                    .ToImmutableSortedDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal),
                Capabilities = root["capabilityArgs"].Properties()
                    .ToImmutableSortedDictionary(p => p.Key, p => JsonNode.Parse(p.Value.Element.GetRawText())!, StringComparer.Ordinal),
            };
            var result = root["result"];
            return new CachedAttachment(network, attachment, result.Exists ? ResultReader.Read(result) : null);
        }
        catch (Exception e) when (e is JsonException or CniException or IOException or FormatException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}

/// <summary>An entry of the cache.</summary>
internal sealed record CachedAttachment(NetworkList Network, CniAttachment Attachment, CniResult? Result);
