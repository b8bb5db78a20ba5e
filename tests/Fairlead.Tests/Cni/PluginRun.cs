using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

/// <summary>One call of a plugin in this process: no environment, no standard streams.</summary>
internal sealed record PluginRun(int ExitCode, string Output, string Error)
{
    public JsonNode Json => JsonNode.Parse(Output)!;

    public int Code => (int)Json["code"]!;

    public string Message => (string)Json["msg"]!;

    public static PluginRun Of(
        string command, string config, string container = "c1", string? arguments = null, string program = "fairlead-cni", string netns = "/run/netns/none")
        => Of(config, program, new Dictionary<string, string>
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = container,
            ["CNI_NETNS"] = netns,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_ARGS"] = arguments ?? "",
            ["CNI_PATH"] = "/nowhere",
        });

    public static PluginRun Of(string config, string program, IReadOnlyDictionary<string, string> variables)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter();
        var host = new CniHost(name => variables.GetValueOrDefault(name), new MemoryStream(Encoding.UTF8.GetBytes(config)), output, error)
        {
            ProgramName = program,
        };
        var exitCode = PluginProgram.Run(host);
        return new PluginRun(exitCode, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
