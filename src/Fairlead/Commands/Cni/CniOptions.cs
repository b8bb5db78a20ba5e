using System.CommandLine;
using System.Globalization;
using Fairlead.Cni.Runtime;
using Fairlead.Lab;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Commands.Cni;

/// <summary>What every verb takes: as options, or in the environment as <c>cnitool</c> and runtimes have it.</summary>
internal sealed class CniOptions
{
    private static readonly string[] s_pluginFolders = ["/opt/cni/bin", "/usr/lib/cni"];
    private static readonly TimeSpan s_timeLimit = TimeSpan.FromSeconds(60);

    private readonly Option<string?> _configFolder = new("--conf-dir") { Description = "the folder of networks [NETCONFPATH, else /etc/cni/net.d]", HelpName = "DIR" };
    private readonly Option<string?> _pluginFolders = new("--path") { Description = "the folders of plugins, with ':' between [CNI_PATH, else /opt/cni/bin:/usr/lib/cni]", HelpName = "DIRS" };
    private readonly Option<string> _cacheFolder = new("--cache-dir") { Description = "the folder that results are kept in, as libcni keeps them", HelpName = "DIR", DefaultValueFactory = _ => "/var/lib/cni" };
    private readonly Option<string?> _interface = new("--ifname") { Description = "the interface in the container [CNI_IFNAME, else eth0]", HelpName = "NAME" };
    private readonly Option<string?> _container = new("--container-id") { Description = "the container's id [CNI_CONTAINERID, else one that follows from NETNS, the same as cnitool's]", HelpName = "ID" };
    private readonly Option<string?> _arguments = new("--args") { Description = "KEY=VALUE;KEY=VALUE for the plugins [CNI_ARGS]", HelpName = "ARGS" };
    private readonly Option<string?> _capabilities = new("--cap-args") { Description = "capabilities as a JSON object, such as portMappings [CAP_ARGS]", HelpName = "JSON" };
    private readonly Option<double> _timeLimit = new("--timeout") { Description = "how many seconds each plugin may take", HelpName = "SECONDS", DefaultValueFactory = _ => s_timeLimit.TotalSeconds };

    public Argument<string> Network { get; } = new("NETWORK") { Description = "the network's name in its file" };

    /// <summary>Adds where networks, plugins and results are, which every verb needs.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(Network);
        foreach (var option in (ReadOnlySpan<Option>)[_configFolder, _pluginFolders, _cacheFolder, _timeLimit])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Adds what says which container, and what is wanted for it.</summary>
    public void AddAttachmentTo(Command command)
    {
        foreach (var option in (ReadOnlySpan<Option>)[_interface, _container, _arguments, _capabilities])
        {
            command.Options.Add(option);
        }
    }

    public CniRuntime Runtime(ParseResult parsed, TimeProvider time) => new(
        new CniRuntimeOptions
        {
            Network = parsed.GetValue(Network),
            ConfigDirectory = Given(parsed.GetValue(_configFolder), "NETCONFPATH") ?? "/etc/cni/net.d",
            PluginDirectories = Given(parsed.GetValue(_pluginFolders), "CNI_PATH")?.Split(':', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } folders
                ? [.. folders] : [.. s_pluginFolders],
            CacheDirectory = parsed.GetValue(_cacheFolder)!,
            PluginTimeLimit = parsed.GetValue(_timeLimit) is > 0 and < 86400 and var seconds
                ? TimeSpan.FromSeconds(seconds)
                : throw new LabException(string.Create(CultureInfo.InvariantCulture, $"--timeout {parsed.GetValue(_timeLimit)}: expected seconds, more than 0"), "fairlead cni --help") { IsWrongUsage = true },
        },
        time);

    public CniAttachment Attachment(ParseResult parsed, string networkNamespace)
    {
        var path = PathOf(networkNamespace);
        return new CniAttachment(
            Given(parsed.GetValue(_container), "CNI_CONTAINERID") ?? CniAttachment.ContainerIdOf(path),
            path,
            Given(parsed.GetValue(_interface), "CNI_IFNAME") ?? "eth0")
        {
            Arguments = CniAttachment.ParseArguments(Given(parsed.GetValue(_arguments), "CNI_ARGS") ?? ""),
            Capabilities = CniAttachment.ParseCapabilities(Given(parsed.GetValue(_capabilities), "CAP_ARGS") ?? ""),
        };
    }

    /// <summary>A path as it is; a name is one of <c>ip netns</c>. It need not be there any more: a DEL comes after.</summary>
    private static string PathOf(string networkNamespace)
        => networkNamespace.Contains('/', StringComparison.Ordinal) ? Path.GetFullPath(networkNamespace)
            : networkNamespace is not ("" or "." or "..") ? Path.Combine(NetworkNamespace.Root, networkNamespace)
            : throw new LabException($"'{networkNamespace}' is neither a path nor a namespace's name", "ip netns list") { IsWrongUsage = true };

    private static string? Given(string? option, string variable)
        => !string.IsNullOrEmpty(option) ? option : Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set ? set : null;
}
