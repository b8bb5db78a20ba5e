using System.Collections;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Processes;

namespace Fairlead.Cni.Plugins;

/// <summary>The plugin that a network's <c>ipam.type</c> names, called with the same configuration and environment.</summary>
/// <remarks>
/// It is looked up in CNI_PATH, as the specification says. Where that leads to the executable that runs already, it is called in
/// process: a start costs more than all that host-local does.
/// </remarks>
internal sealed class IpamDelegate
{
    private readonly PluginCall _call;
    private readonly string _executable;
    private readonly IPlugin? _own;

    private IpamDelegate(PluginCall call, string executable, IPlugin? own) => (_call, _executable, _own) = (call, executable, own);

    /// <summary>Null where the network has no addresses.</summary>
    public static IpamDelegate? Find(PluginCall call)
    {
        var node = call.Config.Ipam["type"];
        var type = node.Text();
        if (type.Length == 0)
        {
            return null;
        }

        if (type.Contains('/', StringComparison.Ordinal) || type is "." or "..")
        {
            throw node.Fault($"'{type}' is no program's name");
        }

        var executable = call.Environment.Path.Select(folder => Path.Combine(folder, type)).FirstOrDefault(File.Exists)
            ?? throw node.Fault($"no plugin '{type}' in CNI_PATH ({string.Join(':', call.Environment.Path)})");
        var own = Resolve(executable) == call.Host.Executable ? PluginCatalog.Find(type) : null;
        return new IpamDelegate(call, executable, own);
    }

    public CniResult Add()
    {
        var result = _own is not null ? _own.Add(_call) : ReadResult(Run("ADD"));
        return result.Addresses.IsEmpty ? throw _call.Config.Ipam["type"].Fault("the plugin returned no address") : result;
    }

    public void Delete() => Call("DEL", plugin => plugin.Delete(_call));

    public void Check() => Call("CHECK", plugin => plugin.Check(_call));

    public void Status() => Call("STATUS", plugin => plugin.Status(_call));

    public void CollectGarbage(ImmutableArray<CniAttachmentKey> valid) => Call("GC", plugin => plugin.CollectGarbage(_call, valid));

    /// <summary>The file's own path, as the kernel tells it of a running program: a folder on the way may be a link too.</summary>
    private static string Resolve(string path)
    {
        using var file = File.OpenHandle(path);
        return new FileInfo($"/proc/self/fd/{file.DangerousGetHandle()}").LinkTarget ?? path;
    }

    private static CniResult ReadResult(byte[] output) => CniResult.Parse(output);

    private void Call(string command, Action<IPlugin> own)
    {
        if (_own is not null)
        {
            own(_own);
        }
        else
        {
            Run(command);
        }
    }

    private byte[] Run(string command)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            variables[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        foreach (var name in (ReadOnlySpan<string>)["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"])
        {
            variables[name] = _call.Host.GetVariable(name) ?? "";
        }

        variables["CNI_COMMAND"] = command;
        var spawn = new SpawnOptions { Executable = _executable, Environment = variables, NewSession = false };

        // A plugin is one call from beginning to end; there is nothing else to do while its delegate works.
        var result = Command.RunAsync(spawn, _call.Config.Text).GetAwaiter().GetResult();
        return result.Status.Succeeded ? result.Output : throw Failure(result);
    }

    private CniException Failure(CommandResult result)
    {
        var type = _call.Config.Ipam["type"].Text();
        try
        {
            var reader = new Utf8JsonReader(result.Output);
            var error = new ConfigNode(JsonElement.ParseValue(ref reader), "error");
            return new CniException(
                (CniErrorCode)error["code"].Number((int)CniErrorCode.Internal, 0, int.MaxValue), $"{type}: {error["msg"].Text()}", error["details"].Text());
        }
        catch (Exception e) when (e is JsonException or CniException)
        {
            return new CniException(CniErrorCode.Internal, $"{type}: {result.Status}: {Encoding.UTF8.GetString(result.Error).Trim()}", inner: e);
        }
    }
}
