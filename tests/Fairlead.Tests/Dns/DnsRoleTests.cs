using Fairlead.Dns;
using Fairlead.Dns.Wire;

namespace Fairlead.Tests.Dns;

/// <summary>The role as people and manifests start it: flags, start lines, exit codes.</summary>
public sealed class DnsRoleTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void CoreDNS_flags_are_understood()
    {
        Assert.True(DnsOptions.TryParse(["-conf", "/etc/coredns/Corefile", "-dns.port=1053", "--pidfile", "x", "-quiet"], new(), out var options, out _));

        Assert.Equal(("/etc/coredns/Corefile", 1053, "x", true), (options.Conf, options.Port, options.PidFile, options.Quiet));
        Assert.True(DnsOptions.TryParse(["-p", "53"], new(), out options, out _));
        Assert.Equal(53, options.Port);
    }

    [Theory]
    [InlineData("-nonsense", "flag provided but not defined: -nonsense")]
    [InlineData("-conf", "flag needs an argument: -conf")]
    [InlineData("-p=x", "invalid value \"x\" for flag -p: a port is a number from 0 to 65535")]
    [InlineData("-p=99999", "invalid value \"99999\" for flag -p: a port is a number from 0 to 65535")]
    [InlineData("-quiet=maybe", "invalid boolean value \"maybe\" for -quiet")]
    [InlineData("Corefile", "extra command line arguments: Corefile")]
    public void Wrong_flags_are_told(string flag, string message)
    {
        Assert.False(DnsOptions.TryParse([flag], new(), out _, out var error));
        Assert.Equal(message, error);
    }

    [Fact]
    public async Task Version_and_plugins_are_printed()
    {
        var output = new StringWriter();

        Assert.Equal(0, await DnsRole.RunAsync(new() { PrintVersion = true, Output = output }, Ct));
        Assert.Equal(0, await DnsRole.RunAsync(new() { ListPlugins = true, Output = output }, Ct));

        Assert.StartsWith("Fairlead-", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\n  dns.kubernetes\n  dns.loop\n  dns.forward\n", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_serves_until_told_to_end_and_prints_its_zones()
    {
        var output = new StringWriter();
        var pid = Path.GetTempFileName();
        using var stop = new CancellationTokenSource();
        var started = new TaskCompletionSource<int>();
        var options = new DnsOptions
        {
            ConfText = ". {\n health 127.0.0.1:0 {\n lameduck 1ms\n }\n whoami\n}\na.example:0 {\n bind 127.0.0.1\n whoami\n}\n",
            Port = 0,
            PidFile = pid,
            Output = TextWriter.Synchronized(output),
            Started = server => started.TrySetResult(server.EndPoints[0].Port),
        };

        var running = DnsRole.RunAsync(options, stop.Token);
        var client = new DnsClient(new(System.Net.IPAddress.Loopback, await started.Task.WaitAsync(Ct)));
        Assert.Equal(ResponseCode.NoError, (await client.QueryAsync("x.a.example", RecordType.A, Ct)).Code);
        await stop.CancelAsync();

        Assert.Equal(0, await running);
        Assert.StartsWith(".:0\na.example.:0 on 127.0.0.1\n[INFO] plugin/reload: Running configuration SHA512 = ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("[INFO] plugin/health: Going into lameduck mode for 1ms", output.ToString(), StringComparison.Ordinal);
        Assert.Equal($"{Environment.ProcessId}\n", await File.ReadAllTextAsync(pid, Ct));
        File.Delete(pid);
    }

    [Theory]
    [InlineData(". {\n lop\n}\n", "Corefile:2: Unknown directive 'lop'")]
    [InlineData(". {\n kubernetes cluster.local {\n kubeconfig /nowhere\n }\n}\n", "Corefile:2: kubernetes: /nowhere: ")]
    public async Task What_cannot_start_says_why_in_one_line(string corefile, string message)
    {
        var output = new StringWriter();

        Assert.Equal(1, await DnsRole.RunAsync(new() { ConfText = corefile, Port = 0, Output = output }, Ct));

        Assert.StartsWith(message, output.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, output.ToString().Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_Corefile_that_is_missing_is_told()
    {
        var output = new StringWriter();

        Assert.Equal(1, await DnsRole.RunAsync(new() { Conf = "/nowhere/Corefile", Output = output }, Ct));

        Assert.Contains("/nowhere/Corefile", output.ToString(), StringComparison.Ordinal);
    }
}
