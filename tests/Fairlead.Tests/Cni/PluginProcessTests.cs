using System.Diagnostics;
using System.Globalization;
using System.Text;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;

namespace Fairlead.Tests.Cni;

/// <summary>Plugins as processes: scripts that behave as no plugin should.</summary>
public sealed class PluginProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Input_goes_in_output_and_errors_come_out_and_the_exit_code_is_told()
    {
        var outcome = await Run("cat; echo $CNI_COMMAND; echo complaint >&2; exit 3");

        Assert.Equal(("{}ADD\n", "complaint\n", 3), (Encoding.UTF8.GetString(outcome.Output.Span), outcome.Error, outcome.ExitCode));
    }

    [Fact]
    public async Task One_that_takes_too_long_is_killed_with_what_it_started()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => Run("sleep 1000 & echo $! > $0.child; wait", TimeSpan.FromSeconds(0.5)));

        Assert.Equal("took longer than 0.5 s and was killed", error.Message);
        var child = int.Parse(await File.ReadAllTextAsync(_folder["plugin.child"], _ct), CultureInfo.InvariantCulture);
        Assert.True(await HasEnded(child));
    }

    [Fact]
    public async Task One_that_ends_and_leaves_its_output_open_does_not_hold_the_call_for_ever()
        => await Assert.ThrowsAsync<TimeoutException>(() => Run("sleep 1000 & exit 0", TimeSpan.FromSeconds(0.5)));

    [Theory]
    [InlineData("cat /dev/zero")]
    [InlineData("cat /dev/zero >&2")]
    public async Task One_that_writes_without_end_is_killed(string script)
    {
        var error = await Assert.ThrowsAsync<CniException>(() => Run(script));

        Assert.Equal((CniErrorCode.InputOutput, "wrote more than 65536 bytes and was killed"), (error.Code, error.Message));
    }

    [Fact]
    public async Task One_that_does_not_read_its_input_is_no_failure() => Assert.Equal(0, (await Run("exit 0", input: new byte[1 << 20])).ExitCode);

    [Fact]
    public async Task One_that_cannot_be_started_is_said()
    {
        await File.WriteAllTextAsync(_folder["plugin"], "neither program nor script", _ct);

        Assert.Equal(CniErrorCode.InputOutput, (await Assert.ThrowsAsync<CniException>(() => Start(Plugins(TimeSpan.FromSeconds(30)), default))).Code);
    }

    private static async Task<bool> HasEnded(int id)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Yield())
        {
            var path = $"/proc/{id}/stat";
            try
            {
                if (!File.Exists(path) || File.ReadAllText(path).Split(") ")[1][0] is 'Z' or 'X')
                {
                    return true;
                }
            }
            catch (IOException)
            {
                return true; // it ended while its file was read
            }
        }

        return false;
    }

    private async Task<PluginOutcome> Run(string script, TimeSpan? limit = null, byte[]? input = null)
    {
        await File.WriteAllTextAsync(_folder["plugin"], $"#!/bin/sh\n{script}\n", _ct);
        File.SetUnixFileMode(_folder["plugin"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        return await Start(Plugins(limit ?? TimeSpan.FromSeconds(60)), input ?? "{}"u8.ToArray());
    }

    private Task<PluginOutcome> Start(PluginProcess plugins, ReadOnlyMemory<byte> input)
        => plugins.RunAsync(new PluginStart(_folder["plugin"], new Dictionary<string, string> { ["CNI_COMMAND"] = "ADD" }, input), _ct);

    private static PluginProcess Plugins(TimeSpan limit)
        => new(new CniRuntimeOptions { PluginTimeLimit = limit, MaximumOutput = 65536 }, TimeProvider.System);
}
