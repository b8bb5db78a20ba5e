using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Admission;

/// <summary>Gives out cluster addresses and node ports of Services.</summary>
/// <remarks>
/// What is in use is derived from the stored Services and followed through their change log, so that nothing is ever leaked or given
/// back by hand. One Service at a time is allocated and written. The lowest addresses, min(max(16, size/16), 256) of them, are kept
/// for Services that name their address (KEP-3070); the others are drawn at random from above, so that an address just freed is not
/// given out again at once.
/// </remarks>
internal sealed class ServiceAllocator(ResourceStore services, IPNetwork range, (int First, int Last) nodePorts) : IDisposable
{
    private const long MaxAddresses = 1 << 16;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly HashSet<long> _addresses = [];
    private readonly Dictionary<int, int> _ports = [];
    private readonly List<Change> _changes = [];
    private readonly long _size = Math.Min(ServiceRange.Size(range), MaxAddresses);
    private long _position = -1;

    private long StaticBand => _size <= 16 ? 0 : Math.Min(Math.Max(16, _size / 16), 256);

    /// <summary>Completes a Service's addresses and ports and writes it, before the next one gets its turn.</summary>
    public async Task<T> RunAsync<T>(JsonObject service, JsonObject? old, Func<Task<T>> write, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            CatchUp();
            var errors = new FieldErrors();
            AllocateAddress(service, old, errors);
            AllocatePorts(service, old, errors);
            errors.ThrowIfAny("Service", "", service.Text("metadata", "name"));
            return await write();
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private void CatchUp()
    {
        _changes.Clear();
        if (_position >= 0 && services.Log.TryRead(ref _position, _changes, out _))
        {
            foreach (var change in _changes)
            {
                Count(change.Before, -1);
                Count(change.After, +1);
            }

            return;
        }

        _addresses.Clear();
        _ports.Clear();
        var state = services.State;
        services.Log.TryFind(state.Version, out _position, out _);
        foreach (var stored in state.Objects.Values)
        {
            Count(stored, +1);
        }
    }

    private void Count(StoredObject? stored, int by)
    {
        if (stored is null)
        {
            return;
        }

        var service = stored.Parse();
        if (IPAddress.TryParse(service.Text("spec", "clusterIP"), out var address) && range.Contains(address))
        {
            _ = by > 0 ? _addresses.Add(ServiceRange.IndexOf(range, address)) : _addresses.Remove(ServiceRange.IndexOf(range, address));
        }

        foreach (var port in PortsOf(service))
        {
            var count = _ports.GetValueOrDefault(port) + by;
            if (count <= 0)
            {
                _ports.Remove(port);
            }
            else
            {
                _ports[port] = count;
            }
        }
    }

    /// <summary>One node port may serve TCP and UDP of the same Service: it counts once.</summary>
    private static HashSet<int> PortsOf(JsonObject? service)
        => [.. (service.At("spec").Items("ports")).Select(p => (int)(p.Number("nodePort") ?? 0)).Where(p => p > 0)];

    private void AllocateAddress(JsonObject service, JsonObject? old, FieldErrors errors)
    {
        var spec = service.Child("spec");
        var text = spec.Text("clusterIP");
        if (spec.Text("type") == "ExternalName")
        {
            return;
        }

        if (text.Length == 0)
        {
            if (Draw() is { } drawn)
            {
                text = drawn.ToString();
            }
            else
            {
                errors.Invalid("spec.clusterIPs", new JsonArray(), "failed to allocate a serviceIP: range is full");
            }
        }
        else if (text != "None" && text != old.At("spec").Text("clusterIP"))
        {
            CheckAddress(text, errors);
        }

        spec["clusterIP"] = text;
        spec["clusterIPs"] = new JsonArray(text);
    }

    private void CheckAddress(string text, FieldErrors errors)
    {
        var address = IPAddress.Parse(text);
        var index = range.Contains(address) ? ServiceRange.IndexOf(range, address) : 0;
        if (index < 1 || index > ServiceRange.Size(range))
        {
            errors.Invalid("spec.clusterIPs", new JsonArray(text), $"failed to allocate IP {text}: provided IP is not in the valid range. The range of valid IPs is {range}");
        }
        else if (_addresses.Contains(index))
        {
            errors.Invalid("spec.clusterIPs", new JsonArray(text), $"failed to allocate IP {text}: provided IP is already allocated");
        }
    }

    private IPAddress? Draw()
    {
        for (var attempt = 0; attempt < 16 && _size > StaticBand; attempt++)
        {
            var index = Random.Shared.NextInt64(StaticBand + 1, _size + 1);
            if (!_addresses.Contains(index))
            {
                return ServiceRange.At(range, index);
            }
        }

        for (var i = 0L; i < _size; i++)
        {
            var index = ((StaticBand + i) % _size) + 1;   // the upper band first, the static one when it is full
            if (!_addresses.Contains(index))
            {
                return ServiceRange.At(range, index);
            }
        }

        return null;
    }

    private void AllocatePorts(JsonObject service, JsonObject? old, FieldErrors errors)
    {
        var spec = service.Child("spec");
        if (spec.Text("type") is not ("NodePort" or "LoadBalancer") || (spec.Text("type") == "LoadBalancer" && !spec.Flag("allocateLoadBalancerNodePorts")))
        {
            return;
        }

        var own = PortsOf(old);
        var index = -1;
        foreach (var port in spec.Items("ports").OfType<JsonObject>())
        {
            index++;
            var wanted = (int)(port.Number("nodePort") ?? 0);
            if (wanted == 0)
            {
                continue;
            }

            if (wanted < nodePorts.First || wanted > nodePorts.Last)
            {
                errors.Invalid($"spec.ports[{index}].nodePort", wanted, $"provided port is not in the valid range. The range of valid ports is {nodePorts.First}-{nodePorts.Last}");
            }
            else if (_ports.ContainsKey(wanted) && !own.Contains(wanted))
            {
                errors.Invalid($"spec.ports[{index}].nodePort", wanted, "provided port is already allocated");
            }
        }

        var taken = PortsOf(service);
        foreach (var port in spec.Items("ports").OfType<JsonObject>().Where(p => (p.Number("nodePort") ?? 0) == 0))
        {
            if (DrawPort(taken) is { } drawn)
            {
                port["nodePort"] = drawn;
                taken.Add(drawn);
            }
            else
            {
                errors.Invalid("spec.ports.nodePort", 0, "failed to allocate a nodePort: range is full");
            }
        }
    }

    private int? DrawPort(HashSet<int> taken)
    {
        var size = nodePorts.Last - nodePorts.First + 1;
        var start = Random.Shared.Next(size);
        for (var i = 0; i < size; i++)
        {
            var port = nodePorts.First + ((start + i) % size);
            if (!_ports.ContainsKey(port) && !taken.Contains(port))
            {
                return port;
            }
        }

        return null;
    }
}
