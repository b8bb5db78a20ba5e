namespace Fairlead.Lab;

/// <summary>The files of one lab, all in one folder that <c>fairlead down</c> removes.</summary>
/// <exception cref="LabException">The name is none that a lab may have: it would lead out of the folder.</exception>
public sealed class LabPaths(string stateRoot, string name)
{
    /// <summary>The folder of all labs: <c>$XDG_STATE_HOME/fairlead</c>, by default <c>~/.local/state/fairlead</c>.</summary>
    public static string StateRoot()
    {
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (string.IsNullOrEmpty(state) || !Path.IsPathRooted(state))
        {
            var home = Environment.GetEnvironmentVariable("HOME");
            state = Path.Combine(string.IsNullOrEmpty(home) ? "/root" : home, ".local", "state");
        }

        return Path.Combine(state, "fairlead");
    }

    public string Name { get; } = LabOptions.IsName(name) ? name : throw new LabException(LabOptions.NameFault(name), "fairlead up --help") { IsWrongUsage = true };

    public string Folder { get; } = Path.Combine(stateRoot, name);

    /// <summary>What is running and what was made; see <see cref="State.LabRecord"/>.</summary>
    public string Record => Path.Combine(Folder, "lab.json");

    /// <summary>Held by the process that changes the lab; see <see cref="State.LabLock"/>.</summary>
    public string Lock => Path.Combine(Folder, "lab.lock");

    public string KubeConfig => Path.Combine(Folder, "kubeconfig");

    public string Pki => Path.Combine(Folder, "pki");

    public string Store => Path.Combine(Folder, "store.db");

    /// <summary>The lab's own way to the API server; only root can open it.</summary>
    public string ApiSocket => Path.Combine(Folder, "api.sock");

    public string Log => Path.Combine(Folder, "lab.log");

    /// <summary>Everything that is of one run of the lab and is not worth keeping past it.</summary>
    public string Run => Path.Combine(Folder, "run");

    public string Pods => Path.Combine(Run, "pods");

    public string Node(string node) => Path.Combine(Run, "nodes", node);

    public string NodeKubeConfig(string node) => Path.Combine(Node(node), "kubeconfig");

    public string NodeResolvConf(string node) => Path.Combine(Node(node), "resolv.conf");

    public string CniConf(string node) => Path.Combine(Node(node), "cni", "net.d");

    public string CniBin(string node) => Path.Combine(Node(node), "cni", "bin");

    public string CniCache(string node) => Path.Combine(Node(node), "cni", "cache");

    public string AgentState(string node) => Path.Combine(Node(node), "agent");

    /// <summary>On which the node's agent answers plugins.</summary>
    public string AgentSocket(string node) => Path.Combine(Node(node), "cni.sock");

    public string AgentLog(string node) => Path.Combine(Node(node), "agent.log");

    /// <summary>The labs that have a folder, in order.</summary>
    public static IEnumerable<LabPaths> All(string stateRoot)
        => !Directory.Exists(stateRoot)
            ? []
            : Directory.GetDirectories(stateRoot).Select(d => Path.GetFileName(d)).Where(LabOptions.IsName).Select(name => new LabPaths(stateRoot, name))
                .Where(p => File.Exists(p.Record)).OrderBy(p => p.Name, StringComparer.Ordinal);
}
