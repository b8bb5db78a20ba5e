using Fairlead.KernelTests.Fixtures;
using Fairlead.Lab;
using Fairlead.Lab.State;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Lab;

/// <summary>What the record of a dead lab gives the right to remove.</summary>
public sealed class LabCleanerKernelTests : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly string _root = Directory.CreateTempSubdirectory("fairlead-t-").FullName;

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        _namespaces.Dispose();
    }

    [Fact]
    public async Task After_a_reboot_namespaces_of_the_labs_name_are_another_labs()
    {
        var name = TestNamespaces.NewName()["fairlead-".Length..];
        var others = $"fairlead.{name}.node1";
        using var network = NetworkNamespace.Create(others);
        var paths = new LabPaths(_root, name);
        Directory.CreateDirectory(paths.Run);
        var record = new LabRecord
        {
            Name = name, State = "ready", ProcessId = 1, ProcessStartTime = 1, BootId = "an earlier one", Options = new() { Name = name }, ApiPort = 6443, UnderlayBlock = "198.19.0.0/22",
        };
        record.Write(paths);

        var down = await LabControl.DownAsync(paths, TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal((true, true, false), (down, NetworkNamespace.Exists(others), Directory.Exists(paths.Folder)));
        NetworkNamespace.Delete(others);
    }
}
