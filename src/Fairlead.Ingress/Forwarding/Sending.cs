namespace Fairlead.Ingress.Forwarding;

/// <summary>A request body that is being sent while the answer is awaited: an endpoint may answer before it has seen all of it.</summary>
internal sealed class Sending
{
    private readonly CancellationTokenSource? _stop;
    private readonly Task _task;
    private Exception? _clientFailure;

    public Sending(RequestBody? body, UpstreamConnection connection)
    {
        _stop = body is null ? null : new CancellationTokenSource();
        _task = body is null ? Task.CompletedTask : RunAsync(body, connection, _stop!.Token);
    }

    /// <summary>It has ended, well or not.</summary>
    public bool IsDone => _task.IsCompleted;

    /// <summary>The whole body was sent.</summary>
    public bool Succeeded { get; private set; } = true;

    /// <summary>Ends it, if it has not ended, and waits for that.</summary>
    public async ValueTask StopAsync()
    {
        if (_stop is not null)
        {
            await _stop.CancelAsync();
            await _task;
            _stop.Dispose();
        }
    }

    /// <summary>
    /// Throws what the client did wrong, such as a body greater than the limit: that, and not the broken connection, is the cause.
    /// </summary>
    public void ThrowIfClientFailed()
    {
        if (_clientFailure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_clientFailure);
        }
    }

    private async Task RunAsync(RequestBody body, UpstreamConnection connection, CancellationToken ct)
    {
        Succeeded = false;
        try
        {
            await body.StreamAsync(connection, ct);
            connection.Sent();
            Succeeded = true;
        }
        catch (UpstreamException)
        {
            // Whoever reads the answer finds out: it may have come before the connection broke.
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            _clientFailure = e;
            connection.Abort();
        }
    }
}
