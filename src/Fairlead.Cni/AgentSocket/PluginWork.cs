using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Cni.AgentSocket;

/// <summary>Does in the agent what a plugin has asked for, as the plugin itself would.</summary>
public static class PluginWork
{
    /// <summary>Runs the plugin to its end, on a thread of its own where <paramref name="network"/> is given.</summary>
    /// <param name="request">What the plugin was started with.</param>
    /// <param name="admission">Asked before a pod is plugged in.</param>
    /// <param name="network">The node's network; null for this process's own.</param>
    /// <param name="error">What the plugin would write to standard error.</param>
    public static PluginAnswer Run(PluginRequest request, IPodAdmission? admission, NetworkNamespace? network, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var output = new MemoryStream();
        using var input = new MemoryStream(request.Config.ToArray(), writable: false);
        var host = new CniHost(name => request.Variables.GetValueOrDefault(name), input, output, error)
        {
            ProgramName = request.Program,
            Executable = request.Executable,
            IsAgent = true,
            Admission = admission,
        };
        var code = network is null ? PluginProgram.Run(host) : network.Run(() => PluginProgram.Run(host));
        return new PluginAnswer(code, output.ToArray());
    }

    /// <summary>What a request is for: its verb and its attachment.</summary>
    public static (string Verb, CniAttachmentKey Attachment) Subject(PluginRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string Variable(string name) => request.Variables.GetValueOrDefault(name, "");
        return (Variable("CNI_COMMAND"), new(Variable("CNI_CONTAINERID"), Variable("CNI_IFNAME")));
    }
}
