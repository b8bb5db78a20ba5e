using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Topology.Checks;

/// <summary>Whether names can be, are used once, and what hosts do can be done.</summary>
internal static partial class HostChecks
{
    /// <summary>Longest name of a topology: it is in names of tables and files.</summary>
    private const int LongestName = 40;

    private const int LongestHost = 63;

    public static IEnumerable<TopologyDiagnostic> Check(NetworkTopology topology, Wiring wiring)
    {
        foreach (var fault in Names(topology).Concat(Interfaces(topology, wiring)))
        {
            yield return fault;
        }

        for (var i = 0; i < topology.Hosts.Length; i++)
        {
            var host = topology.Hosts[i];
            var path = Wiring.Item("hosts", i);
            var ways = wiring.WaysOf(host);
            foreach (var fault in Ways(host, path, ways).Concat(Nat(topology, wiring, host, path, ways)))
            {
                yield return fault;
            }
        }
    }

    /// <summary>Whether a text can name a topology.</summary>
    public static bool IsName(string name) => name.Length <= LongestName && TopologyName().IsMatch(name);

    private static IEnumerable<TopologyDiagnostic> Names(NetworkTopology topology)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var namespaces = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < topology.Hosts.Length; i++)
        {
            var host = topology.Hosts[i];
            var path = Wiring.Item("hosts", i);
            if (host.Name.Length > LongestHost || !HostName().IsMatch(host.Name))
            {
                yield return new($"{path}.name", $"'{host.Name}' cannot be a host's name", "write letters, digits, '.', '_' and '-', at most 63, with a letter or digit first");
            }
            else if (!names.Add(host.Name))
            {
                yield return new($"{path}.name", $"there is another host '{host.Name}'", "give each host a name of its own");
            }

            if (host.Namespace is { } space && space != host.Name && (space.Length > LongestHost || !HostName().IsMatch(space)))
            {
                yield return new($"{path}.namespace", $"'{space}' cannot be a namespace's name", "write letters, digits, '.', '_' and '-', at most 63, with a letter or digit first");
            }
            else if (host.Namespace is { } used && !namespaces.TryAdd(used, host.Name) && namespaces[used] != host.Name)
            {
                yield return new($"{path}.namespace", $"'{used}' is the namespace of {namespaces[used]} already", "give each host a namespace of its own");
            }
        }
    }

    private static IEnumerable<TopologyDiagnostic> Interfaces(NetworkTopology topology, Wiring wiring)
    {
        var used = new Dictionary<(string Host, string Name), string>();
        var macs = new Dictionary<MacAddress, string>();
        for (var i = 0; i < topology.Switches.Length; i++)
        {
            var bridge = topology.Switches[i];
            foreach (var fault in Interface($"{Wiring.Item("switches", i)}.name", $"{Wiring.Item("switches", i)}.mac", bridge.Host, bridge.Name, bridge.Mac))
            {
                yield return fault;
            }
        }

        var wired = wiring.Cables.SelectMany(c => new[] { c.A, c.B }).ToList();
        var paths = wired.Select(e => e.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var (end, path) in topology.Links.SelectMany((l, i) => new[] { (l.A, $"{Wiring.Item("links", i)}.ends[0]"), (l.B, $"{Wiring.Item("links", i)}.ends[1]") }))
        {
            // Ends of links whose host or switch is not known; the others follow.
            if (!paths.Contains(path) && end.Interface is { } name && FaultOf(name) is { } fault)
            {
                yield return NameFault($"{path}.interface", name, fault);
            }
        }

        foreach (var end in wired)
        {
            foreach (var fault in Interface($"{end.Path}.interface", $"{end.Path}.mac", end.Host, end.Interface, end.End.Mac))
            {
                yield return fault;
            }

            if (end.Switch is { } bridge && !end.End.Addresses.IsEmpty)
            {
                yield return new($"{end.Path}.addresses", "what is plugged into a switch has no address of its own", $"write it under addresses of the switch {bridge.Name}");
            }
        }

        IEnumerable<TopologyDiagnostic> Interface(string path, string macPath, string host, string name, MacAddress? mac)
        {
            if (FaultOf(name) is { } fault)
            {
                yield return NameFault(path, name, fault);
            }
            else if (!used.TryAdd((host, name), path))
            {
                yield return new(path, $"{host} has another interface '{name}' ({used[(host, name)]})", "give each interface of a host a name of its own");
            }

            if (mac is { } address && !macs.TryAdd(address, macPath))
            {
                yield return new(macPath, $"{address} is used at {macs[address]} already", "take another Ethernet address");
            }
        }
    }

    private static TopologyDiagnostic NameFault(string path, string name, string fault)
        => new(path, $"'{name}' {fault}", $"write 1 to {LinkSpec.MaxNameLength.ToString(CultureInfo.InvariantCulture)} characters without blanks, '/' or ':'");

    private static string? FaultOf(string name) => name switch
    {
        { Length: > LinkSpec.MaxNameLength } => string.Create(CultureInfo.InvariantCulture, $"has {name.Length} characters, and an interface's name at most {LinkSpec.MaxNameLength}"),
        "lo" or "all" or "default" or "." or ".." or "" => "cannot be the name of an interface",
        _ => name.Any(c => c is '/' or ':' or '%' || char.IsWhiteSpace(c) || char.IsControl(c) || c > '~') ? "cannot be the name of an interface" : null,
    };

    private static IEnumerable<TopologyDiagnostic> Ways(TopologyHost host, string path, HostWays ways)
    {
        var destinations = new HashSet<IPNetwork>();
        var all = host.Routes.Select((r, i) => (Path: Wiring.Item($"{path}.routes", i), Via: ".via", Route: r))
            .Concat(TopologyCompiler.Routes(host).Skip(host.Routes.Length).Select((r, i) => (Path: Wiring.Item($"{path}.gateways", i), Via: "", Route: r)));
        foreach (var (at, via, route) in all)
        {
            if (route.To.BaseAddress.AddressFamily != route.Via.AddressFamily)
            {
                yield return new(at + via, $"{route.Via} is of another family than {route.To}", "lead IPv4 over IPv4, and IPv6 over IPv6");
            }
            else if (ways.Has(route.Via))
            {
                yield return new(at + via, $"{route.Via} is an address of {host.Name} itself", "name the next host on the way");
            }
            else if (ways.NeighbourInterface(route.Via) is null)
            {
                yield return new(
                    at + via, $"{route.Via} is in no network of {host.Name}",
                    host.IsMachine ? "routes of the machine lead over the links of the topology only" : "name an address in a network that one of its interfaces is in");
            }

            if (!destinations.Add(route.To))
            {
                yield return new(at, $"{host.Name} has another route to {(route.To.PrefixLength == 0 ? "everywhere" : route.To.ToString())}", "keep one");
            }
        }
    }

    private static IEnumerable<TopologyDiagnostic> Nat(NetworkTopology topology, Wiring wiring, TopologyHost host, string path, HostWays ways)
    {
        if (host.Forwarding != true && (!host.Masquerade.IsEmpty || !host.PortForwards.IsEmpty))
        {
            yield return new(
                $"{path}.{(host.Masquerade.IsEmpty ? "portForward" : "masquerade")}", $"nothing passes {host.Name} from one interface to another", $"add forwarding: true to {host.Name}");
        }

        var interfaces = topology.Switches.Where(s => s.Host == host.Name).Select(s => s.Name).Concat(wiring.EndsOf(host.Name).Select(e => e.Near.Interface)).ToList();
        for (var i = 0; i < host.Masquerade.Length; i++)
        {
            // The machine has interfaces that are no business of the topology.
            if (host.Masquerade[i].Out is { } name && (FaultOf(name) is not null || (!host.IsMachine && !interfaces.Contains(name, StringComparer.Ordinal))))
            {
                yield return new($"{Wiring.Item($"{path}.masquerade", i)}.out", $"{host.Name} has no interface '{name}'", $"its interfaces are {string.Join(", ", interfaces)}");
            }

            if (host.Masquerade.IndexOf(host.Masquerade[i]) < i)
            {
                yield return new(Wiring.Item($"{path}.masquerade", i), "is there already", "keep one");
            }
        }

        for (var i = 0; i < host.PortForwards.Length; i++)
        {
            foreach (var fault in PortForward(host, i, Wiring.Item($"{path}.portForward", i), ways))
            {
                yield return fault;
            }
        }
    }

    private static IEnumerable<TopologyDiagnostic> PortForward(TopologyHost host, int index, string path, HostWays ways)
    {
        var forward = host.PortForwards[index];
        var port = string.Create(CultureInfo.InvariantCulture, $"{forward.Protocol.ToString().ToLowerInvariant()} {forward.Port}");
        if (host.PortForwards.Take(index).Any(f => f.Protocol == forward.Protocol && f.Port == forward.Port
            && f.To.AddressFamily == forward.To.AddressFamily && (f.Address is null || forward.Address is null || f.Address.Equals(forward.Address))))
        {
            yield return new($"{path}.port", $"port {port} of {host.Name} is forwarded already", "take another port, or say of each forward which address it is for");
        }

        if (forward.Address is { } address)
        {
            if (address.AddressFamily != forward.To.AddressFamily)
            {
                yield return new($"{path}.address", $"{address} is of another family than {forward.To}", "forward IPv4 to IPv4, and IPv6 to IPv6");
            }
            else if (address.Equals(IPAddress.IPv6Loopback))
            {
                yield return new($"{path}.address", "the kernel routes nothing from ::1 to another interface", "forward 127.0.0.1, or another IPv6 address of the host");
            }
            else if (!host.IsMachine && !IPAddress.IsLoopback(address) && !ways.Has(address))
            {
                yield return new($"{path}.address", $"{address} is no address of {host.Name}", "write one of its own, 127.0.0.1, or leave the field out for all");
            }
        }

        if (ways.Has(forward.To))
        {
            yield return new($"{path}.to", $"{forward.To} is an address of {host.Name} itself", "name another host's");
        }
        else if (ways.InterfaceTo(forward.To) is null)
        {
            yield return new($"{path}.to", $"{forward.To} cannot be reached from {host.Name}", "name an address in one of its networks, or add a route");
        }
    }

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TopologyName();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]*$", RegexOptions.None, 1000)]
    private static partial Regex HostName();
}
