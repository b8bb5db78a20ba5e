using System.Net;
using System.Text.Json;

namespace Fairlead.Cni.Protocol;

/// <summary>A place in a configuration, which may be empty, and its path, which every fault names.</summary>
/// <remarks>
/// Keys match whatever their case, the last of equal ones wins and null is absence: so reads the reference's JSON library,
/// and containerd sends <c>HostPort</c> where podman sends <c>hostPort</c>.
/// </remarks>
internal readonly struct ConfigNode(JsonElement element, string path)
{
    public string Path => path;

    public JsonElement Element => element;

    public bool Exists => element.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public ConfigNode this[string key]
    {
        get
        {
            var child = path.Length == 0 ? key : $"{path}.{key}";
            if (!Exists)
            {
                return new ConfigNode(default, child);
            }

            Expect(JsonValueKind.Object, "an object");
            var found = default(JsonElement);
            foreach (var property in element.EnumerateObject())
            {
                if (string.Equals(property.Name, key, StringComparison.OrdinalIgnoreCase))
                {
                    found = property.Value;
                }
            }

            return new ConfigNode(found, child);
        }
    }

    /// <summary>The keys and values of an object.</summary>
    public IEnumerable<(string Key, ConfigNode Value)> Properties()
    {
        if (!Exists)
        {
            yield break;
        }

        Expect(JsonValueKind.Object, "an object");
        foreach (var property in element.EnumerateObject())
        {
            yield return (property.Name, new ConfigNode(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}"));
        }
    }

    /// <summary>The elements of an array; none where there is no array.</summary>
    public IEnumerable<ConfigNode> Items()
    {
        if (!Exists)
        {
            yield break;
        }

        Expect(JsonValueKind.Array, "an array");
        var index = 0;
        foreach (var item in element.EnumerateArray())
        {
            yield return new ConfigNode(item, $"{path}[{index++}]");
        }
    }

    public string Text(string absent = "")
    {
        if (!Exists)
        {
            return absent;
        }

        Expect(JsonValueKind.String, "a string");
        return element.GetString()!;
    }

    public bool Flag(bool absent = false) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when !Exists => absent,
        _ => throw WrongType("true or false"),
    };

    public int Number(int absent, int minimum, int maximum)
    {
        if (!Exists)
        {
            return absent;
        }

        Expect(JsonValueKind.Number, "a number");
        if (!element.TryGetInt32(out var number))
        {
            throw WrongType("a whole number");
        }

        return number >= minimum && number <= maximum
            ? number
            : throw Fault($"{number} is not between {minimum} and {maximum}");
    }

    public long LongNumber(long minimum)
    {
        Expect(JsonValueKind.Number, "a number");
        return element.TryGetInt64(out var number) && number >= minimum ? number : throw Fault($"{element.GetRawText()} is not a whole number from {minimum} on");
    }

    public int? Number(int minimum, int maximum) => Exists ? Number(0, minimum, maximum) : null;

    public IPAddress? Address()
    {
        var text = Text();
        if (text.Length == 0)
        {
            return null;
        }

        return AddressText.TryParse(text, out var address) ? address : throw Fault($"'{text}' is no IP address");
    }

    /// <summary>An address with its prefix length, host bits kept.</summary>
    public (IPAddress Address, int PrefixLength)? AddressAndPrefix()
    {
        var text = Text();
        if (text.Length == 0)
        {
            return null;
        }

        return AddressText.TryParseWithPrefix(text, out var address, out var length)
            ? (address, length)
            : throw Fault($"'{text}' is no address with a prefix length, as 10.1.2.3/24 is");
    }

    /// <summary>A network; one with host bits is a fault, since which network was meant cannot be told.</summary>
    public IPNetwork? Network()
    {
        if (AddressAndPrefix() is not { } parsed)
        {
            return null;
        }

        var network = AddressText.NetworkOf(parsed.Address, parsed.PrefixLength);
        return network.BaseAddress.Equals(parsed.Address)
            ? network
            : throw Fault($"'{Text()}' has host bits set; the network is {network}");
    }

    public IReadOnlyList<string> Texts() => [.. Items().Select(item => item.Text())];

    /// <summary>A value that could be read and makes no sense.</summary>
    public CniException Fault(string fault, CniErrorCode code = CniErrorCode.InvalidNetworkConfig)
        => new(code, $"{(path.Length == 0 ? "network configuration" : path)}: {fault}");

    private CniException WrongType(string expected)
        => Fault($"expected {expected}, got {element.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            JsonValueKind.String => "a string",
            JsonValueKind.Number => $"the number {element.GetRawText()}",
            _ => element.GetRawText(),
        }}", CniErrorCode.Decoding);

    private void Expect(JsonValueKind kind, string expected)
    {
        if (element.ValueKind != kind)
        {
            throw WrongType(expected);
        }
    }
}
