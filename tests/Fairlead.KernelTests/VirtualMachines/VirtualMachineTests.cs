using System.Diagnostics;

namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>The virtual machines that the guests' tests run in: what goes in, what comes out, and that nothing stays.</summary>
public sealed class VirtualMachineTests
{
    private static readonly VirtualMachine s_machine = VirtualMachine.UserMode;

    [Fact]
    public void A_program_gets_its_arguments_and_gives_its_output_and_exit_code()
    {
        var (code, output) = s_machine.Run(new GuestProgram("/bin/sh", "-c", "printf '%s|' \"$@\" \"$MARK\" \"$PWD\"; exit 7", "sh", "it's", "a  b", "$x")
        {
            Environment = new Dictionary<string, string> { ["MARK"] = "x 'y'" }, WorkingDirectory = "/usr",
        });

        Assert.Equal((7, "it's|a  b|$x|x 'y'|/usr|"), (code, output));
    }

    [Fact]
    public void The_hosts_files_are_there_and_cannot_be_written_to()
    {
        var (code, output) = s_machine.Run(GuestProgram.Shell("cat /etc/hostname > /tmp/x && cmp /tmp/x /etc/hostname && ! touch /etc/fairlead-t /var/tmp/fairlead-t /root/fairlead-t"));

        Assert.True(code == 0, output);
        Assert.Contains("Read-only file system", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_is_loaded_when_it_is_asked_for()
    {
        var (code, output) = s_machine.Run(GuestProgram.Shell("ip link add x type dummy && ip -d link show x"));

        Assert.True(code == 0, output);
        Assert.Contains("dummy", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_that_takes_too_long_is_killed_and_nothing_of_it_stays()
    {
        using var output = new StringWriter();

        var refused = Assert.Throws<VirtualMachineException>(
            () => s_machine.Run(GuestProgram.Shell("echo begun; sleep 12345") with { Limit = TimeSpan.FromSeconds(15) }, output));

        Assert.Contains("not done after 00:00:15", refused.Message, StringComparison.Ordinal);
        Assert.Equal("begun\n", output.ToString());
        Assert.DoesNotContain(Process.GetProcesses(), p => CommandLine(p.Id).Contains($"fairlead-t-vm-{Environment.ProcessId}-", StringComparison.Ordinal) && CommandLine(p.Id).Contains("12345", StringComparison.Ordinal));
    }

    [Fact]
    public void A_machine_that_ends_before_its_program_is_told_from_a_program_that_failed()
    {
        var refused = Assert.Throws<VirtualMachineException>(() => s_machine.Run(GuestProgram.Shell("echo c > /proc/sysrq-trigger; sleep 100") with { Limit = TimeSpan.FromMinutes(1) }));

        Assert.Contains("ended before its program did", refused.Message, StringComparison.Ordinal);
        Assert.Contains("panic", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return ""; // it ended meanwhile
        }
    }
}
