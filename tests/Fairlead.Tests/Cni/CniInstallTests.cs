using Fairlead.Cni.Runtime;

namespace Fairlead.Tests.Cni;

public sealed class CniInstallTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public CniInstallTests() => File.WriteAllText(_folder["fairlead-cni"], "program");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_plugin_is_a_link_to_the_executable_and_a_second_run_changes_nothing()
    {
        var made = CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"]);

        Assert.Contains("host-local", made);
        Assert.Contains("fairlead-pod", made);
        Assert.Equal(_folder["fairlead-cni"], new FileInfo(_folder["bin/host-local"]).LinkTarget);
        Assert.Empty(CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"]));
    }

    [Fact]
    public void A_name_that_leads_elsewhere_is_put_right()
    {
        CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"]);
        File.Delete(_folder["bin/loopback"]);
        File.WriteAllText(_folder["bin/loopback"], "another's");

        Assert.Equal(["loopback"], CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"]));
    }

    [Fact]
    public void In_a_folder_of_others_only_links_of_ours_are_made_and_taken_away()
    {
        Directory.CreateDirectory(_folder["bin"]);
        File.WriteAllText(_folder["bin/bridge"], "the reference's");
        File.CreateSymbolicLink(_folder["bin/portmap"], _folder["elsewhere/portmap"]);
        File.CreateSymbolicLink(_folder["bin/loopback"], _folder["an-older-build/fairlead-cni"]);

        var done = CniInstall.Link(_folder["fairlead-cni"], _folder["bin"]);

        Assert.Equal(["bridge", "portmap"], done.Others);
        Assert.Contains("loopback", done.Changed);
        Assert.Contains("host-local", done.Changed);
        Assert.DoesNotContain("fairlead-pod", done.Changed);
        Assert.Equal("the reference's", File.ReadAllText(_folder["bin/bridge"]));
        Assert.Empty(CniInstall.Link(_folder["fairlead-cni"], _folder["bin"]).Changed);

        Assert.Equal(done.Changed, CniInstall.Unlink(_folder["bin"]));
        Assert.Equal(["bridge", "portmap"], Directory.GetFileSystemEntries(_folder["bin"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        Assert.Empty(CniInstall.Link(_folder["fairlead-cni"], _folder["bin"], replace: true).Others);
        Assert.Equal(_folder["fairlead-cni"], new FileInfo(_folder["bin/bridge"]).LinkTarget);
    }

    [Fact]
    public void Copies_are_made_where_asked_and_renewed_when_the_executable_is()
    {
        CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"], copy: true);
        Assert.Equal("program", File.ReadAllText(_folder["bin/loopback"]));
        Assert.Empty(CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"], copy: true));

        File.WriteAllText(_folder["fairlead-cni"], "newer program");

        Assert.Contains("loopback", CniInstall.Refresh(_folder["fairlead-cni"], _folder["bin"], copy: true));
        Assert.Equal("newer program", File.ReadAllText(_folder["bin/loopback"]));
    }

    [Fact]
    public void A_missing_executable_is_said() => Assert.Throws<FileNotFoundException>(() => CniInstall.Refresh(_folder["none"], _folder["bin"]));
}
