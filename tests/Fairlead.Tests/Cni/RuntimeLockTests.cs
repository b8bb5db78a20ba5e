using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;

namespace Fairlead.Tests.Cni;

/// <summary>Two locks on one folder are as two processes: the kernel keeps them apart by open file.</summary>
public sealed class RuntimeLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    private RuntimeLock One => new(_folder["cache"], TimeProvider.System);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task One_container_has_one_call_at_a_time_and_others_do_not_wait_for_it()
    {
        var first = await One.EnterAsync("c1", _ct);
        using var other = await One.EnterAsync("c2", _ct);
        var second = One.EnterAsync("c1", _ct);
        Assert.False(second.IsCompleted);

        first.Dispose();

        (await second).Dispose();
    }

    [Fact]
    public async Task GC_waits_for_all_and_who_comes_later_waits_for_GC()
    {
        var before = await One.EnterAsync("c1", _ct);
        var alone = One.EnterAloneAsync(_ct);
        var after = One.EnterAsync("c2", _ct);
        Assert.False(alone.IsCompleted);

        before.Dispose();

        var held = await alone;
        held.Dispose();
        (await after).Dispose();
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        using var held = await One.EnterAsync("c1", _ct);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        var waiting = One.EnterAsync("c1", patience.Token);

        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_said()
    {
        await File.WriteAllTextAsync(_folder["cache"], "a file", _ct);

        Assert.Equal(CniErrorCode.InputOutput, (await Assert.ThrowsAsync<CniException>(() => One.EnterAsync("c1", _ct))).Code);
    }
}
