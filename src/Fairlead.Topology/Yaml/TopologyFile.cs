using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Topology.Checks;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Topology.Yaml;

/// <summary>Reads a topology from YAML. Every fault is told at once, with its line, column and field.</summary>
public static class TopologyFile
{
    public const string ApiVersion = "fairlead.dev/v1";

    public const string Kind = "Topology";

    private const int MaxText = 8 * 1024 * 1024;

    /// <summary>Reads and checks.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="TopologyException">It is no topology, or one that cannot be.</exception>
    public static NetworkTopology Parse(string yaml, string file)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        var errors = new FileErrors();
        var topology = Read(yaml, file, errors);

        // Of a topology that could be read only in part the compiler would say what only follows from that.
        var all = errors.With(errors.Any ? [] : TopologyCompiler.Compile(topology).Diagnostics);
        return all.IsEmpty ? topology : throw new TopologyException(file, all);
    }

    private static NetworkTopology Read(string yaml, string file, FileErrors errors)
    {
        if (yaml.Length > MaxText)
        {
            throw Whole(file, string.Create(CultureInfo.InvariantCulture, $"{yaml.Length} characters, and at most {MaxText} are read"), "describe less", (1, 1));
        }

        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException e)
        {
            throw Whole(file, e.Message.TrimEnd('.'), "mend the YAML", ((int)e.Start.Line, (int)e.Start.Column));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // The reader's way of saying that it is lost: after what it could read last.
            throw Whole(file, "this is not YAML", "mend the YAML", LastRead(yaml));
        }

        if (stream.Documents.Count != 1)
        {
            throw Whole(
                file, string.Create(CultureInfo.InvariantCulture, $"{stream.Documents.Count} documents where one belongs"), "keep one topology in a file", (1, 1));
        }

        var root = new MapReader(stream.Documents[0].RootNode, "", errors);
        Constant(root, "apiVersion", ApiVersion);
        Constant(root, "kind", Kind);
        var metadata = root.Map("metadata");
        var name = metadata.Required("name", "my-network");
        if (name.Length > 0 && !HostChecks.IsName(name))
        {
            metadata.Fault("name", $"'{name}' cannot be a topology's name", "write at most 40 of a-z, 0-9 and -, with a letter first");
        }

        metadata.Done();
        var topology = new NetworkTopology(
            name,
            [.. root.Maps("hosts").Select(ReadHost)],
            [.. root.Maps("switches").Select(ReadSwitch)],
            [.. root.Maps("links").Select(ReadLink)]);
        root.Done();
        return topology.Hosts.Any(h => h.Name == TopologyHost.Machine)
            ? topology
            : topology with { Hosts = topology.Hosts.Add(new TopologyHost(TopologyHost.Machine)) };
    }

    private static (int Line, int Column) LastRead(string yaml)
    {
        var parser = new Parser(new StringReader(yaml));
        var at = (Line: 1, Column: 1);
        try
        {
            while (parser.MoveNext())
            {
                at = ((int)parser.Current!.End.Line, (int)parser.Current.End.Column);
            }
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException or ArgumentException)
        {
            // As before.
        }

        return (Math.Max(at.Line, 1), Math.Max(at.Column, 1));
    }

    private static TopologyException Whole(string file, string message, string remedy, (int Line, int Column) at)
        => new(file, [new TopologyDiagnostic("", message, remedy) { At = at }]);

    private static void Constant(MapReader root, string field, string value)
    {
        if (root.Required(field, value) is { Length: > 0 } written && written != value)
        {
            root.Fault(field, $"'{written}' is not known", $"write {field}: {value}");
        }
    }

    private static TopologyHost ReadHost(MapReader map)
    {
        var name = map.Required("name", "red");
        var isMachine = name == TopologyHost.Machine;
        if (isMachine && map.Has("namespace"))
        {
            map.Fault("namespace", "the machine's is the namespace that Fairlead runs in", "remove the field, or give the host another name");
        }

        var host = new TopologyHost(name)
        {
            Namespace = isMachine ? null : map.Text("namespace") ?? name,
            Forwarding = map.Truth("forwarding"),
            Gateways = map.Addresses("gateways"),
            Routes = [.. map.Maps("routes").Select(ReadRoute).OfType<TopologyRoute>()],
            Masquerade = [.. map.Maps("masquerade").Select(ReadMasquerade).OfType<TopologyMasquerade>()],
            PortForwards = [.. map.Maps("portForward").Select(ReadPortForward).OfType<TopologyPortForward>()],
        };
        map.Done();
        return host;
    }

    private static TopologyRoute? ReadRoute(MapReader map)
    {
        _ = map.Required("to", "192.168.1.0/24");
        _ = map.Required("via", "192.168.15.5");
        var (via, to) = (map.Address("via"), map.Network("to"));
        map.Done();
        return to is { } network && via is not null ? new(network, via) : null;
    }

    private static TopologyMasquerade? ReadMasquerade(MapReader map)
    {
        _ = map.Required("from", "192.168.15.0/24");
        var (from, by) = (map.Network("from"), map.Text("out"));
        map.Done();
        return from is { } network ? new(network, by) : null;
    }

    private static TopologyPortForward? ReadPortForward(MapReader map)
    {
        var written = map.Text("protocol") ?? "tcp";
        TopologyProtocol? protocol = written switch
        {
            "tcp" => TopologyProtocol.Tcp,
            "udp" => TopologyProtocol.Udp,
            _ => null,
        };
        if (protocol is null)
        {
            map.Fault("protocol", $"'{written}' has no ports that could be forwarded", "write tcp or udp");
        }

        _ = map.Required("port", "80");
        _ = map.Required("to", "192.168.15.2:80");
        var (address, port, target) = (map.Address("address"), map.Number("port", 1, ushort.MaxValue), map.Target("to"));
        map.Done();
        return protocol is { } known && port is { } number && target is { } to ? new(known, address, (ushort)number, to.Address, to.Port) : null;
    }

    private static TopologySwitch ReadSwitch(MapReader map)
    {
        var result = new TopologySwitch(map.Required("name", "v-net-0"), map.Text("host") ?? TopologyHost.Machine)
        {
            Addresses = map.InterfaceAddresses("addresses"),
            Networks = map.Networks("networks"),
            Mac = map.Mac("mac"),
            Mtu = map.Number("mtu", 68, 65535),
            SpanningTree = map.Truth("stp") ?? false,
            VlanFiltering = map.Truth("vlanFiltering") ?? false,
        };
        map.Done();
        return result;
    }

    private static TopologyLink ReadLink(MapReader map)
    {
        ImmutableArray<TopologyEnd> ends = [.. map.Maps("ends").Select(ReadEnd)];
        var mtu = map.Number("mtu", 68, 65535);
        if (ends.Length != 2)
        {
            map.Fault("ends", string.Create(CultureInfo.InvariantCulture, $"a cable has two ends, not {ends.Length}"), "list two, each with a host or a switch");
        }

        map.Done();
        return new(ends.ElementAtOrDefault(0) ?? new(null, null), ends.ElementAtOrDefault(1) ?? new(null, null)) { Mtu = mtu };
    }

    private static TopologyEnd ReadEnd(MapReader map)
    {
        var (host, plug, name) = (map.Text("host"), map.Text("switch"), map.Text("interface"));
        if (host is null && plug is null)
        {
            map.Fault("host", "is missing, and no switch is named either", "add host: red or switch: v-net-0");
        }
        else if (plug is null && name is null)
        {
            map.Fault("interface", "is missing", "add interface: eth0");
        }

        var end = new TopologyEnd(host, name) { Switch = plug, Addresses = map.InterfaceAddresses("addresses"), Mac = map.Mac("mac") };
        map.Done();
        return end;
    }
}
