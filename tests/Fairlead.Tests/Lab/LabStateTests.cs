using Fairlead.Lab;
using Fairlead.Lab.State;
using Fairlead.Linux.Processes;

namespace Fairlead.Tests.Lab;

public sealed class LabStateTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fairlead-t-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Only_one_process_at_a_time_changes_a_lab()
    {
        var paths = new LabPaths(_root, "one");
        using (LabLock.Take(paths))
        {
            var refused = Assert.Throws<LabException>(() => LabLock.Take(paths));
            Assert.Contains("another process is bringing lab 'one' up", refused.Message, StringComparison.Ordinal);
        }

        LabLock.Take(paths).Dispose();
    }

    [Fact]
    public void A_process_of_an_earlier_boot_is_not_the_labs_though_it_has_its_number_and_start()
    {
        using var self = ProcessHandle.Open(Environment.ProcessId)!;
        var record = new LabRecord
        {
            Name = "one", State = "ready", ProcessId = self.Id, ProcessStartTime = self.StartTime, BootId = Boot.Id, Options = new(), ApiPort = 6443, UnderlayBlock = "198.19.0.0/22",
        };
        var paths = new LabPaths(_root, "one");
        Directory.CreateDirectory(paths.Folder);
        record.Write(paths);

        Assert.True(LabHost.IsAlive(LabRecord.Read(paths)!));
        Assert.True(LabHost.IsAlive(record with { BootId = null }));
        Assert.False(LabHost.IsAlive(record with { BootId = "another" }));
    }
}
