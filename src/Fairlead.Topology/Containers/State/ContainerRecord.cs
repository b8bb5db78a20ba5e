using System.Net;
using System.Text.Json.Serialization;
using Fairlead.Linux;
using Fairlead.Linux.Processes;

namespace Fairlead.Topology.Containers.State;

/// <summary>Where a container is in its life.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ContainerState>))]
public enum ContainerState
{
    /// <summary>Its network is being made; nothing runs yet.</summary>
    Created,

    /// <summary>Its program runs.</summary>
    Running,

    /// <summary>Its program has ended, and its network is gone.</summary>
    Exited,
}

/// <summary>A process of this boot, by number and start time.</summary>
public sealed record ProcessRecord(int Id, ulong StartTime)
{
    internal static ProcessRecord Self { get; } = OfSelf();

    internal static ProcessRecord Of(ProcessHandle process) => new(process.Id, process.StartTime);

    /// <summary>Takes hold of it where it still is the same one.</summary>
    internal ProcessHandle? Open() => ProcessHandle.Open(Id, StartTime);

    internal bool IsAlive()
    {
        using var process = Open();
        return process is not null;
    }

    private static ProcessRecord OfSelf()
    {
        using var self = ProcessHandle.Open(System.Environment.ProcessId);
        return Of(self!);
    }
}

/// <summary>The file of a container: what was asked, and what it has. Written before a thing is made, so that whoever comes later can remove it.</summary>
public sealed record ContainerRecord
{
    /// <summary>The version of this file's form.</summary>
    public int Version { get; init; } = 1;

    /// <summary>64 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>What was asked, with the name and the ports that were chosen.</summary>
    public required ContainerOptions Options { get; init; }

    /// <summary>Where it is in its life.</summary>
    public required ContainerState State { get; init; }

    /// <summary>What it calls itself.</summary>
    public required string HostName { get; init; }

    /// <summary>Its addresses with their prefix, where it is on a bridge; they are free again once it has exited.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Its Ethernet address.</summary>
    public string Mac { get; init; } = "";

    /// <summary>When it was asked for.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When its program was started.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When its program ended.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>How it ended, as a shell has it; 255 where nobody saw it.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The process that holds its ports and waits for it.</summary>
    public required ProcessRecord Supervisor { get; init; }

    /// <summary>Its first process.</summary>
    public ProcessRecord? Process { get; init; }

    /// <summary><see cref="Boot.Id"/> of its start.</summary>
    public required string BootId { get; init; }

    /// <summary>The network namespace that is the host for it.</summary>
    public required ulong HostNamespace { get; init; }

    /// <summary>Its name.</summary>
    [JsonIgnore]
    public string Name => Options.Name!;

    /// <summary>Whether it has, or may have, something in the kernel.</summary>
    [JsonIgnore]
    internal bool IsLive => State != ContainerState.Exited;

    [JsonIgnore]
    internal IEnumerable<InterfaceAddress> InterfaceAddresses => Addresses.Select(InterfaceAddress.Parse);

    /// <summary>Its address of a family, where it has one.</summary>
    internal IPAddress? AddressOf(System.Net.Sockets.AddressFamily family)
        => InterfaceAddresses.Select(a => a.Address).FirstOrDefault(a => a.AddressFamily == family);
}
