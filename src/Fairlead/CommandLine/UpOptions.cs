using System.CommandLine;
using System.Globalization;
using Fairlead.Lab;

namespace Fairlead.CommandLine;

/// <summary>The options of <c>fairlead up</c>, and their way back into a command line for the process that holds the lab.</summary>
internal sealed class UpOptions
{
    private static readonly LabOptions s_defaults = new();

    private readonly Option<string?> _file = new("--file", "-f") { Description = "manifests (a file or a folder) to apply once the cluster answers", HelpName = "FILE" };
    private readonly Option<string> _name = LabName();
    private readonly Option<int> _nodes = new("--nodes") { Description = "how many nodes", DefaultValueFactory = _ => s_defaults.Nodes, HelpName = "N" };
    private readonly Option<string> _podCidr = new("--pod-cidr") { Description = "the range of pods' addresses; each node takes a /24", DefaultValueFactory = _ => s_defaults.PodCidr, HelpName = "RANGE" };
    private readonly Option<string> _serviceCidr = new("--service-cidr") { Description = "the range of Services' addresses; the tenth is the cluster DNS", DefaultValueFactory = _ => s_defaults.ServiceCidr, HelpName = "RANGE" };
    private readonly Option<string> _proxyMode = new("--proxy-mode") { Description = "how Services get into the kernel", DefaultValueFactory = _ => s_defaults.ProxyMode, HelpName = "MODE" };
    private readonly Option<string> _overlay = new("--overlay") { Description = "the path between nodes", DefaultValueFactory = _ => s_defaults.Overlay, HelpName = "KIND" };
    private readonly Option<int?> _apiPort = new("--api-port") { Description = "the API server's port on 127.0.0.1 [default: 6443, or the next free one beside another lab]", HelpName = "PORT" };
    private readonly Option<string?> _store = new("--store") { Description = "where API objects are kept: a file, or 'memory' [default: a file in the lab's folder]", HelpName = "PATH" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _file, _name, _nodes, _podCidr, _serviceCidr, _proxyMode, _overlay, _apiPort, _store })
        {
            command.Options.Add(option);
        }
    }

    public static Option<string> LabName() => new("--name") { Description = "the lab's name", DefaultValueFactory = _ => s_defaults.Name, HelpName = "NAME" };

    public LabOptions Read(ParseResult parsed) => new()
    {
        Name = parsed.GetValue(_name)!,
        Nodes = parsed.GetValue(_nodes),
        PodCidr = parsed.GetValue(_podCidr)!,
        ServiceCidr = parsed.GetValue(_serviceCidr)!,
        ProxyMode = parsed.GetValue(_proxyMode)!,
        Overlay = parsed.GetValue(_overlay)!,
        ApiPort = parsed.GetValue(_apiPort),
        Store = parsed.GetValue(_store) is { } store && store != "memory" ? Path.GetFullPath(store) : parsed.GetValue(_store),
        Manifests = parsed.GetValue(_file) is { } file ? Path.GetFullPath(file) : null,
    };

    /// <summary>The same options as words of a command line.</summary>
    public static IEnumerable<string> Words(LabOptions options)
    {
        yield return $"--name={options.Name}";
        yield return string.Create(CultureInfo.InvariantCulture, $"--nodes={options.Nodes}");
        yield return $"--pod-cidr={options.PodCidr}";
        yield return $"--service-cidr={options.ServiceCidr}";
        yield return $"--proxy-mode={options.ProxyMode}";
        yield return $"--overlay={options.Overlay}";
        if (options.ApiPort is { } port)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"--api-port={port}");
        }

        if (options.Store is { } store)
        {
            yield return $"--store={store}";
        }

        if (options.Manifests is { } manifests)
        {
            yield return $"--file={manifests}";
        }
    }
}
