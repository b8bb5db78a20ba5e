namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>One input that the reference plugin and ours both get; they must answer alike and leave the kernel alike.</summary>
/// <param name="Name">What the case is about, unique in its table.</param>
/// <param name="Plugin">The plugin's name.</param>
/// <param name="Config">The configuration; <c>$DATA</c>, <c>$NETNS</c> and <c>$NODE</c> stand for the folder of data and the namespaces' paths.</param>
public sealed record ReferenceCase(string Name, string Plugin, string Config)
{
    /// <summary>The verbs in their order; <c>ADD2</c> is a second container, <c>STATE</c> shows the kernel at that moment (also at the end).</summary>
    public string Verbs { get; init; } = "ADD STATE CHECK DEL";

    /// <summary>Lines of <c>ip -batch</c> in the node's namespace before the first verb; <c>$POD</c> is the container's namespace.</summary>
    public string Setup { get; init; } = "";

    /// <summary>The same in the container's namespace, after that.</summary>
    public string PodSetup { get; init; } = "";

    /// <summary>Variables of the environment that differ from the usual; an empty one is not set.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>What ours says where the reference says 999: its code for everything that it has no code for.</summary>
    public int Code { get; init; } = 999;

    /// <summary>Where else ours differs on purpose.</summary>
    public Difference? Difference { get; init; }
}

/// <summary>A deliberate difference.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Theirs">The lines that only the reference's record has.</param>
/// <param name="Ours">The lines that only our record has.</param>
public sealed record Difference(string Reason, string Theirs, string Ours);
