using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fairlead.Cni.Protocol;

/// <summary>Writes a result in the form of the version that the configuration asks for.</summary>
internal static class ResultWriter
{
    private static readonly JsonWriterOptions s_options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string ToJson(CniResult result, CniVersion version) => Render(writer => Write(writer, result, version));

    /// <summary>The document that a failure is reported by.</summary>
    public static string ErrorToJson(CniVersion version, CniException error) => Render(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version.ToString());
        writer.WriteNumber("code", (int)error.Code);
        writer.WriteString("msg", error.Message);
        WriteUnlessEmpty(writer, "details", error.Details ?? "");
        writer.WriteEndObject();
    });

    /// <summary>The answer to VERSION.</summary>
    public static string VersionsToJson() => Render(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", CniVersion.Newest.ToString());
        writer.WriteStartArray("supportedVersions");
        foreach (var version in CniVersion.Supported)
        {
            writer.WriteStringValue(version.ToString());
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    public static void Write(Utf8JsonWriter writer, CniResult result, CniVersion version)
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version.ToString());
        if (version < CniVersion.V030)
        {
            WriteFirstForm(writer, result);
        }
        else
        {
            WriteLists(writer, result, version);
        }

        writer.WriteStartObject("dns");
        WriteTexts(writer, "nameservers", result.Dns.NameServers);
        WriteUnlessEmpty(writer, "domain", result.Dns.Domain);
        WriteTexts(writer, "search", result.Dns.Search);
        WriteTexts(writer, "options", result.Dns.Options);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>One address a family and no interfaces: that is all these versions can say.</summary>
    private static void WriteFirstForm(Utf8JsonWriter writer, CniResult result)
    {
        foreach (var (key, isIPv4) in (ReadOnlySpan<(string, bool)>)[("ip4", true), ("ip6", false)])
        {
            if (result.Addresses.FirstOrDefault(a => AddressText.IsIPv4(a.Address) == isIPv4) is not { } address)
            {
                continue;
            }

            writer.WriteStartObject(key);
            writer.WriteString("ip", address.ToString());
            if (address.Gateway is { } gateway)
            {
                writer.WriteString("gateway", gateway.ToString());
            }

            WriteRoutes(writer, result.Routes.Where(r => AddressText.IsIPv4(r.Destination.BaseAddress) == isIPv4), CniVersion.V020);
            writer.WriteEndObject();
        }
    }

    private static void WriteLists(Utf8JsonWriter writer, CniResult result, CniVersion version)
    {
        if (!result.Interfaces.IsEmpty)
        {
            writer.WriteStartArray("interfaces");
            foreach (var item in result.Interfaces)
            {
                writer.WriteStartObject();
                writer.WriteString("name", item.Name);
                WriteUnlessEmpty(writer, "mac", item.Mac);
                if (version >= CniVersion.V110)
                {
                    WriteNumber(writer, "mtu", item.Mtu);
                }

                WriteUnlessEmpty(writer, "sandbox", item.Sandbox);
                if (version >= CniVersion.V110)
                {
                    WriteUnlessEmpty(writer, "socketPath", item.SocketPath);
                    WriteUnlessEmpty(writer, "pciID", item.PciId);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        if (!result.Addresses.IsEmpty)
        {
            writer.WriteStartArray("ips");
            foreach (var item in result.Addresses)
            {
                writer.WriteStartObject();
                if (version < CniVersion.V100)
                {
                    writer.WriteString("version", AddressText.IsIPv4(item.Address) ? "4" : "6");
                }

                WriteNumber(writer, "interface", item.Interface);
                writer.WriteString("address", item.ToString());
                if (item.Gateway is { } gateway)
                {
                    writer.WriteString("gateway", gateway.ToString());
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        WriteRoutes(writer, result.Routes, version);
    }

    private static void WriteRoutes(Utf8JsonWriter writer, IEnumerable<CniRoute> routes, CniVersion version)
    {
        var open = false;
        foreach (var route in routes)
        {
            if (!open)
            {
                writer.WriteStartArray("routes");
                open = true;
            }

            writer.WriteStartObject();
            writer.WriteString("dst", route.Destination.ToString());
            if (route.Gateway is { } gateway)
            {
                writer.WriteString("gw", gateway.ToString());
            }

            if (version >= CniVersion.V110)
            {
                WriteNumber(writer, "mtu", route.Mtu);
                WriteNumber(writer, "advmss", route.AdvertisedMss);
                WriteNumber(writer, "priority", route.Priority);
                WriteNumber(writer, "table", route.Table);
                WriteNumber(writer, "scope", route.Scope);
            }

            writer.WriteEndObject();
        }

        if (open)
        {
            writer.WriteEndArray();
        }
    }

    private static void WriteTexts(Utf8JsonWriter writer, string key, IReadOnlyCollection<string> texts)
    {
        if (texts.Count == 0)
        {
            return;
        }

        writer.WriteStartArray(key);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static void WriteUnlessEmpty(Utf8JsonWriter writer, string key, string value)
    {
        if (value.Length > 0)
        {
            writer.WriteString(key, value);
        }
    }

    private static void WriteNumber(Utf8JsonWriter writer, string key, int? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(key, number);
        }
    }

    private static string Render(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, s_options))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
