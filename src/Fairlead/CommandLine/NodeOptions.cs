using System.CommandLine;

namespace Fairlead.CommandLine;

/// <summary>The options that every role on a node has: where the API server is, and which Node it is on.</summary>
internal static class NodeOptions
{
    public static Option<string?> Kubeconfig() => new("--kubeconfig")
    {
        Description = "how to reach the API server [default: the pod's service account]",
        HelpName = "FILE",
    };

    public static Option<string> NodeName(string name, params string[] aliases) => new(name, aliases)
    {
        Description = "the name of this machine's Node object [default: $NODE_NAME, else the host name]",
        HelpName = "NAME",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("NODE_NAME") ?? Environment.MachineName,
    };
}
