using System.Text;
using System.Text.Json;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime.Explain;

namespace Fairlead.Cni.Runtime;

/// <summary>The runtime side of CNI: finds networks, runs their plugins in order, and remembers what was made.</summary>
/// <remarks>Calls may run in parallel, in one process and in several; those for one container queue, and GC runs alone.</remarks>
public sealed class CniRuntime
{
    private readonly CniRuntimeOptions _options;
    private readonly IPluginExecutor _executor;
    private readonly ResultCache _cache;
    private readonly AttachmentGate _gate = new();
    private readonly RuntimeLock _lock;
    private readonly PluginVersions _versions;

    public CniRuntime(CniRuntimeOptions options, TimeProvider time)
        : this(options, new PluginProcess(options, time), time)
    {
    }

    internal CniRuntime(CniRuntimeOptions options, IPluginExecutor executor, TimeProvider time)
    {
        _options = options;
        _executor = executor;
        _cache = new ResultCache(options.CacheDirectory);
        _lock = new RuntimeLock(options.CacheDirectory, time);
        _versions = new PluginVersions(executor, Find);
    }

    /// <summary>The network as it would be used now.</summary>
    /// <exception cref="CniException">There is none, or its file makes no sense.</exception>
    public async Task<CniNetwork> DescribeAsync(CancellationToken ct)
    {
        var network = await NetworkAsync(ct);
        return new CniNetwork(network.Name, network.File, network.Version.ToString(), [.. network.Plugins.Select(p => ChainExplainer.Explain(p, Find(p)))])
        {
            ChecksDisabled = network.DisableCheck, CollectionDisabled = network.DisableGc,
        };
    }

    /// <summary>Joins a container to the network. Where a plugin fails, what the others made is undone first.</summary>
    /// <exception cref="CniException">There is no network, or a plugin failed.</exception>
    public async Task<CniResult> AddAsync(CniAttachment attachment, CancellationToken ct)
    {
        Verify(attachment, namespaceNeeded: true);
        using var turn = await _gate.EnterAsync(attachment.ContainerId, ct);
        using var held = await _lock.EnterAsync(attachment.ContainerId, ct);
        var network = await NetworkAsync(ct);
        _cache.Save(network, attachment, result: null);
        try
        {
            CniResult? result = null;
            foreach (var plugin in network.Plugins)
            {
                var input = PluginInput.Make(network, plugin, result, attachment.Capabilities);
                result = ReadResult(network, plugin, await RunAsync("ADD", network, plugin, attachment, input, ct));
            }

            _cache.Save(network, attachment, result);
            return result!;
        }
        catch
        {
            await UndoAsync(network, attachment);
            throw;
        }
    }

    /// <summary>Removes a container from the network, by the configuration that it was added with. What is gone is done.</summary>
    public async Task DelAsync(CniAttachment attachment, CancellationToken ct)
    {
        Verify(attachment, namespaceNeeded: false);
        using var turn = await _gate.EnterAsync(attachment.ContainerId, ct);
        using var held = await _lock.EnterAsync(attachment.ContainerId, ct);
        var cached = _options.Network is { } name ? _cache.Find(name, attachment.Key) : _cache.Find(attachment.Key);
        try
        {
            cached ??= new CachedAttachment(Network(), attachment, null);
        }
        catch (CniException e) when (e.Code == CniErrorCode.NotAvailable)
        {
            return; // never added here, and no network that it could have been added to
        }

        await DelAsync(cached, attachment.NetworkNamespace, ct);
    }

    /// <summary>Asks whether what was made is still as it was made.</summary>
    /// <exception cref="CniException">It is not; the message says what differs.</exception>
    public async Task CheckAsync(CniAttachment attachment, CancellationToken ct)
    {
        Verify(attachment, namespaceNeeded: true);
        using var turn = await _gate.EnterAsync(attachment.ContainerId, ct);
        using var held = await _lock.EnterAsync(attachment.ContainerId, ct);
        var cached = _options.Network is { } name ? _cache.Find(name, attachment.Key) : _cache.Find(attachment.Key);
        if (cached?.Result is null)
        {
            throw new CniException(
                CniErrorCode.UnknownContainer, $"{attachment.ContainerId}/{attachment.InterfaceName} was not added to a network here");
        }

        var network = await _versions.NegotiateAsync(cached.Network, ct);
        if (network.DisableCheck)
        {
            return;
        }

        if (network.Version < CniVersion.V040)
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion, $"{Subject(network)} is of version {network.Version}; CHECK needs 0.4.0 or later");
        }

        foreach (var plugin in network.Plugins)
        {
            var input = PluginInput.Make(network, plugin, cached.Result, cached.Attachment.Capabilities);
            await RunAsync("CHECK", network, plugin, attachment, input, ct);
        }
    }

    /// <summary>Asks whether an ADD could be served now.</summary>
    /// <returns>The network's name.</returns>
    /// <exception cref="CniException">It could not; the message says why.</exception>
    public async Task<string> StatusAsync(CancellationToken ct)
    {
        var network = await NetworkAsync(ct);
        foreach (var plugin in network.Plugins)
        {
            if (Find(plugin) is null)
            {
                throw NoPlugin(network, plugin, "STATUS");
            }

            if (network.Version >= CniVersion.V110)
            {
                await RunAsync("STATUS", network, plugin, null, PluginInput.Make(network, plugin), ct);
            }
        }

        return network.Name;
    }

    /// <summary>Removes whatever belongs to no attachment of those given: first by DEL, as far as the cache knows it, then by GC.</summary>
    public async Task GcAsync(IReadOnlyCollection<CniAttachmentKey> valid, CancellationToken ct)
    {
        using var turn = await _gate.EnterAloneAsync(ct);
        using var held = await _lock.EnterAloneAsync(ct);
        var network = await NetworkAsync(ct);
        if (network.DisableGc)
        {
            return;
        }

        var failures = new List<Exception>();
        foreach (var stale in _cache.List().Where(c => c.Network.Name == network.Name && !valid.Contains(c.Attachment.Key)).ToList())
        {
            await TryAsync(() => DelAsync(stale, stale.Attachment.NetworkNamespace, ct), failures);
        }

        if (network.Version >= CniVersion.V110)
        {
            foreach (var plugin in network.Plugins)
            {
                await TryAsync(
                    () => RunAsync("GC", network, plugin, null, PluginInput.Make(network, plugin, valid: valid), ct), failures);
            }
        }

        if (failures.Count > 0)
        {
            throw new AggregateException($"{Subject(network)}: {failures.Count} steps of the collection failed", failures);
        }
    }

    /// <summary>The attachments that were made here and not removed.</summary>
    public IReadOnlyList<CniAttachment> Attachments() => [.. _cache.List().Select(entry => entry.Attachment)];

    private async Task DelAsync(CachedAttachment entry, string networkNamespace, CancellationToken ct)
    {
        var network = await _versions.NegotiateAsync(entry.Network, ct);
        var attachment = entry.Attachment with { NetworkNamespace = networkNamespace };
        var previous = network.Version >= CniVersion.V040 ? entry.Result : null;
        var failures = new List<CniException>();
        foreach (var plugin in network.Plugins.Reverse())
        {
            try
            {
                await RunAsync("DEL", network, plugin, attachment, PluginInput.Make(network, plugin, previous, attachment.Capabilities), ct);
            }
            catch (CniException e)
            {
                failures.Add(e); // what the others made must go all the same
            }
        }

        if (failures.Count > 0)
        {
            throw new CniException(failures[0].Code, string.Join("; ", failures.Select(e => e.Message)), failures[0].Details, failures[0]);
        }

        _cache.Remove(network.Name, attachment.Key);
    }

    /// <summary>After a failed ADD the container is unknown to its caller, so nothing of it may stay; not cut short by a cancellation.</summary>
    private async Task UndoAsync(NetworkList network, CniAttachment attachment)
    {
        try
        {
            await DelAsync(new CachedAttachment(network, attachment, null), attachment.NetworkNamespace, CancellationToken.None);
        }
        catch (Exception e) when (e is CniException or IOException)
        {
            // The entry stays in the cache, so that a later DEL or GC tries again; the ADD's own failure is what the caller must hear.
        }
    }

    private static async Task TryAsync(Func<Task> step, List<Exception> failures)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            failures.Add(e);
        }
    }

    private Task<NetworkList> NetworkAsync(CancellationToken ct) => _versions.NegotiateAsync(Network(), ct);

    private NetworkList Network() => NetworkFiles.Load(_options.ConfigDirectory, _options.Network);

    private async Task<PluginOutcome> RunAsync(
        string command, NetworkList network, PluginEntry plugin, CniAttachment? attachment, byte[] input, CancellationToken ct)
    {
        var executable = Find(plugin) ?? throw NoPlugin(network, plugin, command);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = attachment?.ContainerId ?? "",
            ["CNI_NETNS"] = attachment?.NetworkNamespace ?? "",
            ["CNI_IFNAME"] = attachment?.InterfaceName ?? "",
            ["CNI_ARGS"] = attachment is null ? "" : ArgumentsOf(attachment),
            ["CNI_PATH"] = string.Join(':', _options.PluginDirectories),
        };
        PluginOutcome outcome;
        try
        {
            outcome = await _executor.RunAsync(new PluginStart(executable, variables, input), ct);
        }
        catch (TimeoutException e)
        {
            throw new CniException(CniErrorCode.TryAgainLater, $"{Subject(network, plugin, command)}: {e.Message}", inner: e);
        }
        catch (CniException e)
        {
            throw new CniException(e.Code, $"{Subject(network, plugin, command)}: {e.Message}", e.Details, e);
        }

        return outcome.ExitCode == 0 ? outcome : throw Failure(command, network, plugin, outcome);
    }

    /// <summary>With the word that has plugins pass over what is not for them: without it the reference plugins refuse every other.</summary>
    private static string ArgumentsOf(CniAttachment attachment)
    {
        var arguments = attachment.Arguments.Select(pair => $"{pair.Key}={pair.Value}");
        return attachment.Arguments.IsEmpty ? ""
            : string.Join(';', attachment.Arguments.ContainsKey("IgnoreUnknown") ? arguments : arguments.Prepend("IgnoreUnknown=1"));
    }

    private static CniResult ReadResult(NetworkList network, PluginEntry plugin, PluginOutcome outcome)
    {
        try
        {
            return CniResult.Parse(outcome.Output.Span);
        }
        catch (CniException e)
        {
            throw new CniException(CniErrorCode.Decoding, $"{Subject(network, plugin, "ADD")}: {e.Message}", inner: e);
        }
    }

    private static CniException Failure(string command, NetworkList network, PluginEntry plugin, PluginOutcome outcome)
    {
        var subject = Subject(network, plugin, command);
        try
        {
            var reader = new Utf8JsonReader(outcome.Output.Span);
            var error = new ConfigNode(JsonElement.ParseValue(ref reader), "error");
            if (error["msg"].Exists)
            {
                var details = error["details"].Text();
                return new CniException(
                    (CniErrorCode)error["code"].Number((int)CniErrorCode.Internal, 0, int.MaxValue),
                    $"{subject}: {error["msg"].Text()}",
                    details.Length == 0 ? null : details);
            }
        }
        catch (Exception e) when (e is JsonException or CniException)
        {
            // Not a document of the specification: what it did write is shown below.
        }

        var said = (outcome.Error + Encoding.UTF8.GetString(outcome.Output.Span)).Trim();
        return new CniException(
            CniErrorCode.Internal, $"{subject}: ended with exit code {outcome.ExitCode}{(said.Length == 0 ? " and said nothing" : $": {said}")}");
    }

    private string? Find(PluginEntry plugin) => Find(plugin.Type);

    private string? Find(string program) => _options.PluginDirectories.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static string Subject(NetworkList network) => $"network '{network.Name}' ({network.File})";

    private static string Subject(NetworkList network, PluginEntry plugin, string command) => $"{Subject(network)}, plugin {plugin.Type}, {command}";

    private CniException NoPlugin(NetworkList network, PluginEntry plugin, string command) => new(
        CniErrorCode.NotAvailable,
        $"{Subject(network, plugin, command)}: '{plugin.Type}' is not in {string.Join(" or ", _options.PluginDirectories)}",
        "`fairlead cni install DIR` puts Fairlead's there");

    private static void Verify(CniAttachment attachment, bool namespaceNeeded)
    {
        if (!CniNames.IsName(attachment.ContainerId))
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"'{attachment.ContainerId}' is no container id");
        }

        if (CniNames.InterfaceNameFault(attachment.InterfaceName) is { } fault)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"interface name '{attachment.InterfaceName}' {fault}");
        }

        if (namespaceNeeded && attachment.NetworkNamespace.Length == 0)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, "no network namespace is given");
        }

        if (attachment.Arguments.FirstOrDefault(a => (a.Key + a.Value).AsSpan().ContainsAny(';', '\0') || a.Key.Contains('=', StringComparison.Ordinal)) is { Key: not null } bad)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"argument '{bad.Key}': neither name nor value may hold ';'");
        }
    }
}
