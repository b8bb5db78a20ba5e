using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>The properties that an interface had before <c>tuning</c> changed them, in a file of the reference plugin's name and form.</summary>
/// <remarks>The network's name stands in it too, so that GC knows whose it is; the reference passes over what it does not know.</remarks>
internal sealed class TuningBackup(string folder, CniAttachmentKey attachment)
{
    private string FilePath => Path.Combine(folder, $"{attachment.ContainerId}_{attachment.InterfaceName}.json");

    /// <summary>What is about to be changed, as it is now.</summary>
    public static byte[] Before(string network, TuningConfig config, Link link)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            if (config.Change.Mac is not null && link.Mac is { } mac)
            {
                writer.WriteString("mac", mac.ToString());
            }

            Flag(writer, "promisc", config.Change.Promiscuous, link.Promiscuous);
            Number(writer, "mtu", config.Change.Mtu, link.Mtu);
            Flag(writer, "allmulti", config.Change.AllMulticast, link.AllMulticast);
            Number(writer, "txQLen", config.Change.TxQueueLength, link.TxQueueLength);
            writer.WriteString("network", network);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();

        static void Flag(Utf8JsonWriter writer, string name, bool? wanted, bool now)
        {
            if (wanted is not null)
            {
                writer.WriteBoolean(name, now);
            }
        }

        static void Number(Utf8JsonWriter writer, string name, int? wanted, int now)
        {
            if (wanted is not null)
            {
                writer.WriteNumber(name, now);
            }
        }
    }

    /// <summary>What an ADD that was interrupted has saved is older, and true: it stays.</summary>
    public void Save(byte[] before)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (!File.Exists(FilePath))
            {
                File.WriteAllBytes($"{FilePath}.new", before);
                File.Move($"{FilePath}.new", FilePath, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"dataDir: {folder}: {e.Message}", inner: e);
        }
    }

    public LinkChange? Load()
    {
        if (Read(FilePath) is not { } root)
        {
            return null;
        }

        return new LinkChange
        {
            Mac = MacAddress.TryParse(root["mac"].Text(), null, out var mac) ? mac : null,
            Promiscuous = root["promisc"].Exists ? root["promisc"].Flag() : null,
            Mtu = root["mtu"].Number(0, int.MaxValue) is > 0 and var mtu ? mtu : null,
            AllMulticast = root["allmulti"].Exists ? root["allmulti"].Flag() : null,
            TxQueueLength = root["txQLen"].Number(0, int.MaxValue),
        };
    }

    public void Delete()
    {
        if (Directory.Exists(folder))
        {
            File.Delete(FilePath);
        }
    }

    public static void CollectGarbage(string folder, string network, ImmutableArray<CniAttachmentKey> valid)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        var kept = valid.Select(key => new TuningBackup(folder, key).FilePath).ToHashSet(StringComparer.Ordinal);
        foreach (var path in Directory.GetFiles(folder, "*.json").Where(p => !kept.Contains(p) && Read(p)?["network"].Text() == network))
        {
            File.Delete(path);
        }
    }

    private static ConfigNode? Read(string path)
    {
        try
        {
            var reader = new Utf8JsonReader(File.ReadAllBytes(path));
            return new ConfigNode(JsonElement.ParseValue(ref reader), path);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null; // none was needed, or it is no use
        }
    }
}
