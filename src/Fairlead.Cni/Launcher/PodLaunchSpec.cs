using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Launcher;

/// <summary>What <c>fairlead-pod</c> makes of itself: the root, mounts, rights and program of one container.</summary>
/// <remarks>
/// The runtime writes it as JSON and starts <c>fairlead-pod FILE</c> as the first process of fresh mount, UTS, PID and IPC
/// namespaces, inside the pod's network namespace. Standard output and error are inherited.
/// </remarks>
public sealed record PodLaunchSpec
{
    /// <summary>The program and its arguments; a bare name is looked up in the container's PATH.</summary>
    public required ImmutableArray<string> Command { get; init; }

    /// <summary>The container's root file system.</summary>
    public PodRoot Root { get; init; } = new();

    /// <summary>What is mounted into the root beyond /proc, /sys, /dev, /tmp and /run.</summary>
    public ImmutableArray<PodMount> Mounts { get; init; } = [];

    /// <summary>The host name; the namespace's is kept where none is given.</summary>
    public string? HostName { get; init; }

    /// <summary>The environment, whole: nothing of the launcher's own is passed on.</summary>
    public ImmutableDictionary<string, string> Environment { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The folder that the program starts in; made if it is missing.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>The user to run as.</summary>
    public uint UserId { get; init; }

    /// <summary>The group to run as.</summary>
    public uint GroupId { get; init; }

    /// <summary>Supplementary groups.</summary>
    public ImmutableArray<uint> Groups { get; init; } = [];

    /// <summary>The capabilities to keep, with or without <c>CAP_</c>; the default is Docker's set.</summary>
    public ImmutableArray<string> Capabilities { get; init; } = Launcher.Capabilities.Default;

    /// <summary>Keeps every capability, and leaves /proc and /sys writable and unmasked.</summary>
    public bool Privileged { get; init; }

    /// <summary>Forbids the program to gain rights by executing set-user-id files.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>Makes the root read-only once everything is mounted.</summary>
    public bool ReadOnlyRoot { get; init; }

    /// <summary>The text for the specification file.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, PodLaunchJson.Default.PodLaunchSpec);

    /// <summary>Reads a specification file's text.</summary>
    /// <exception cref="JsonException">The text is no JSON.</exception>
    /// <exception cref="CniException">A field is missing, unknown or makes no sense; the message names it.</exception>
    public static PodLaunchSpec Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        return PodLaunchReader.Read(new ConfigNode(JsonElement.ParseValue(ref reader), ""));
    }
}

/// <summary>A container's root: an overlay over the host's, whose changes live on a tmpfs and go with the container.</summary>
public sealed record PodRoot
{
    /// <summary>The folder that the container sees read-only beneath its own changes.</summary>
    public string Lower { get; init; } = "/";

    /// <summary>The most that the container can write to its root, in bytes.</summary>
    public long Size { get; init; } = 64L << 20;

    /// <summary>Any folder of the host: the tmpfs is mounted over it, in the container's own mount namespace only.</summary>
    public string Scratch { get; init; } = "/run";

    /// <summary>Folders and files of the host that the container must not see: they appear empty.</summary>
    public ImmutableArray<string> Hidden { get; init; } = [];
}

/// <summary>What a mount brings into a container.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PodMountType>))]
public enum PodMountType
{
    /// <summary>A file or folder of the host.</summary>
    Bind,

    /// <summary>Memory.</summary>
    Tmpfs,

    /// <summary>The processes of the container.</summary>
    Proc,

    /// <summary>The kernel's devices, read-only.</summary>
    Sysfs,

    /// <summary>A private minimal /dev.</summary>
    Devices,
}

/// <summary>One mount of a container.</summary>
public sealed record PodMount
{
    /// <summary>What is mounted.</summary>
    public PodMountType Type { get; init; } = PodMountType.Bind;

    /// <summary>The host's file or folder, for a bind.</summary>
    public string Source { get; init; } = "";

    /// <summary>Where in the container; made if it is missing.</summary>
    public required string Target { get; init; }

    /// <summary>Whether the container may not write to it.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>The file system's own options, such as <c>size=1048576</c>.</summary>
    public string Options { get; init; } = "";
}

/// <summary>The JSON of the launcher, made at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(PodLaunchSpec))]
internal sealed partial class PodLaunchJson : JsonSerializerContext;
