using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Topology.Yaml;

/// <summary>Reads the fields of one map of a file; what is wrong with a field is noted, and reading goes on.</summary>
internal sealed class MapReader
{
    private const string NetworkMessage = "is no network";
    private const string NetworkRemedy = "write it as 192.168.15.0/24 or fd00::/64, without bits after the prefix";
    private const string AddressMessage = "is no IP address";
    private const string AddressRemedy = "write it as 192.168.15.5 or fd00::5";

    private readonly Dictionary<string, YamlNode> _fields = new(StringComparer.Ordinal);
    private readonly List<string> _known = [];
    private readonly YamlNode _node;
    private readonly FileErrors _errors;

    public MapReader(YamlNode node, string path, FileErrors errors)
    {
        (_node, Path, _errors) = (node, path, errors);
        errors.Place(path, node);
        if (node is YamlMappingNode map)
        {
            foreach (var (key, value) in map.Children)
            {
                if (key is YamlScalarNode { Value: { } name })
                {
                    _fields[name] = value;
                    errors.Place(Of(name), value);
                }
                else
                {
                    errors.Add(path, key, "a field's name must be a text", "write it as name: value");
                }
            }
        }
        else if (!IsNull(node))
        {
            errors.Add(path, node, $"{Kind(node)} where fields belong", "write name: value, one a line");
        }
    }

    private delegate bool TryParse<T>(string text, out T value);

    public string Path { get; }

    public bool Has(string name) => Find(name) is not null;

    public string? Text(string name) => Find(name) is { } node ? AsText(node, Of(name)) : null;

    /// <summary>A text that must be there; empty where it is not.</summary>
    public string Required(string name, string example)
    {
        if (Find(name) is { } node)
        {
            return AsText(node, Of(name)) ?? "";
        }

        _errors.Add(Of(name), _node, "is missing", $"add {name}: {example}");
        return "";
    }

    public bool? Truth(string name) => Parse<bool>(name, "is neither true nor false", "write true or false", (string text, out bool value) =>
    {
        value = text is "true";
        return text is "true" or "false";
    });

    public int? Number(string name, int least, int most)
        => Parse<int>(
            name,
            string.Create(CultureInfo.InvariantCulture, $"is no number from {least} to {most}"),
            "write one in that range",
            (string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most);

    public MacAddress? Mac(string name)
        => Parse<MacAddress>(name, "is no Ethernet address of one interface", "write it as 02:00:00:00:00:01", (string text, out MacAddress mac) =>
        {
            Span<byte> bytes = stackalloc byte[MacAddress.Length];
            if (!MacAddress.TryParse(text, CultureInfo.InvariantCulture, out mac) || mac == MacAddress.Zero)
            {
                return false;
            }

            mac.CopyTo(bytes);
            return (bytes[0] & 1) == 0;
        });

    public IPAddress? Address(string name)
    {
        if (Find(name) is not { } node || AsText(node, Of(name)) is not { } text)
        {
            return null;
        }

        if (!TryAddress(text, out var address))
        {
            _errors.Add(Of(name), node, $"'{text}' {AddressMessage}", AddressRemedy);
            return null;
        }

        return address;
    }

    public IPNetwork? Network(string name) => Parse<IPNetwork>(name, NetworkMessage, NetworkRemedy, TryNetwork);

    public ImmutableArray<InterfaceAddress> InterfaceAddresses(string name)
        => ListOf<InterfaceAddress>(
            name, "is no address with the length of its network's prefix", "write it as 192.168.15.1/24 or fd00::1/64", InterfaceAddress.TryParse);

    public ImmutableArray<IPNetwork> Networks(string name) => ListOf<IPNetwork>(name, NetworkMessage, NetworkRemedy, TryNetwork);

    public ImmutableArray<IPAddress> Addresses(string name) => ListOf<IPAddress>(name, AddressMessage, AddressRemedy, TryAddress);

    /// <summary>An address and a port, as <c>192.168.15.2:80</c> or <c>[fd00::2]:80</c>.</summary>
    public (IPAddress Address, ushort Port)? Target(string name)
        => Parse<(IPAddress, ushort)>(name, "is no address with a port", "write it as 192.168.15.2:80 or \"[fd00::2]:80\"", (string text, out (IPAddress, ushort) value) =>
        {
            var colon = text.LastIndexOf(':');
            var host = colon < 0 ? "" : text[..colon];
            var bracketed = host.StartsWith('[') && host.EndsWith(']');
            ushort port = 0;
            var fine = TryAddress(bracketed ? host[1..^1] : host, out var address)
                && bracketed == (address.AddressFamily == AddressFamily.InterNetworkV6)
                && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) && port > 0;
            value = (address, port);
            return fine;
        });

    public MapReader Map(string name) => new(Find(name) ?? new YamlMappingNode(), Of(name), _errors);

    /// <summary>The maps of a list, or none.</summary>
    public IEnumerable<MapReader> Maps(string name) => Items(name).Select(i => new MapReader(i.Node, i.Path, _errors));

    /// <summary>Notes fields that nobody asked for: a misspelt field must not be without effect in silence.</summary>
    public void Done()
    {
        var known = _known.Distinct(StringComparer.Ordinal).ToList();
        foreach (var (name, node) in _fields.Where(f => !known.Contains(f.Key, StringComparer.Ordinal)))
        {
            _errors.Add(Of(name), node, "is no field here", $"the fields are {string.Join(", ", known)}");
        }
    }

    public void Fault(string name, string message, string remedy) => _errors.Add(Of(name), _fields.GetValueOrDefault(name) ?? _node, message, remedy);

    private static bool TryNetwork(string text, out IPNetwork network)
    {
        network = default;
        if (!InterfaceAddress.TryParse(text, out var written) || !written.Network.BaseAddress.Equals(written.Address))
        {
            return false;
        }

        network = written.Network;
        return true;
    }

    private static bool TryAddress(string text, out IPAddress address)
    {
        // The strict reader of addresses: no octal parts, no missing parts, no scopes.
        var fine = InterfaceAddress.TryParse($"{text}/0", out var written);
        address = written.Address ?? IPAddress.None;
        return fine;
    }

    private T? Parse<T>(string name, string message, string remedy, TryParse<T> parse)
        where T : struct
    {
        if (Find(name) is not { } node || AsText(node, Of(name)) is not { } text)
        {
            return null;
        }

        if (parse(text, out var value))
        {
            return value;
        }

        _errors.Add(Of(name), node, $"'{text}' {message}", remedy);
        return null;
    }

    private ImmutableArray<T> ListOf<T>(string name, string message, string remedy, TryParse<T> parse)
    {
        var result = ImmutableArray.CreateBuilder<T>();
        foreach (var (node, path) in Items(name))
        {
            if (AsText(node, path) is not { } text)
            {
                continue;
            }

            if (parse(text, out var value))
            {
                result.Add(value);
            }
            else
            {
                _errors.Add(path, node, $"'{text}' {message}", remedy);
            }
        }

        return result.ToImmutable();
    }

    private IEnumerable<(YamlNode Node, string Path)> Items(string name)
    {
        switch (Find(name))
        {
            case null:
                return [];
            case YamlSequenceNode list:
                return [.. list.Children.Select((node, i) =>
                {
                    var path = string.Create(CultureInfo.InvariantCulture, $"{Of(name)}[{i}]");
                    _errors.Place(path, node);
                    return (node, path);
                })];
            case var other:
                _errors.Add(Of(name), other, $"{Kind(other)} where a list belongs", "begin each item with '- '");
                return [];
        }
    }

    private YamlNode? Find(string name)
    {
        _known.Add(name);
        return _fields.TryGetValue(name, out var node) && !IsNull(node) ? node : null;
    }

    private string? AsText(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { } text })
        {
            return text;
        }

        _errors.Add(path, node, $"{Kind(node)} where a single value belongs", "write one value");
        return null;
    }

    private string Of(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    private static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: null or "" or "~" or "null" };

    private static string Kind(YamlNode node) => node switch
    {
        YamlMappingNode => "a map",
        YamlSequenceNode => "a list",
        _ => "a single value",
    };
}
