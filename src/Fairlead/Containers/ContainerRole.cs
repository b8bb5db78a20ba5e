using Fairlead.Cni.Runtime;
using Fairlead.Lab;
using Fairlead.Topology.Containers;

namespace Fairlead.Containers;

/// <summary>Containers as this program has them: its state folder, its launcher, its resolver.</summary>
internal static class ContainerRole
{
    public static ContainerHost Surroundings(TimeProvider time) => new()
    {
        StateFolder = Path.Combine(LabPaths.StateRoot(), LabOptions.ContainersFolder),
        Hidden = [LabPaths.StateRoot()],
        Launcher = CniInstall.FindExecutable(),
        Resolver = async (request, ct) => await MemberResolver.StartAsync(request, time, ct),
        Time = time,
    };

    public static ContainerEngine Engine(TimeProvider time) => new(Surroundings(time));

    public static ContainerNetworks Networks(TimeProvider time) => new(Surroundings(time));
}
