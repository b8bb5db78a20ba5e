using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Client;

/// <summary>Reads the lines of one watch, those that came together as one batch.</summary>
internal static class WatchStream
{
    /// <summary>After this long the server is asked to end the watch, so that it starts anew from time to time.</summary>
    internal const int Seconds = 300;

    private const int MaxLine = 32 * 1024 * 1024;
    private static readonly TimeSpan s_headers = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_whole = TimeSpan.FromSeconds(Seconds + 30);

    internal static async IAsyncEnumerable<List<WatchEvent<T>>> ReadAsync<T>(
        HttpClient http, TimeProvider time, string path, KubeResource<T> resource, [EnumeratorCancellation] CancellationToken ct)
        where T : class, IKubeObject
    {
        var operation = $"WATCH {path}";

        // A server that hangs with its connection open is noticed here; one whose machine is gone, by TCP keep-alive.
        using var deadline = new CancellationTokenSource(s_headers, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, path.TrimStart('/'));
        using var response = await GuardAsync(
            () => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token), operation, deadline, ct);
        if (!response.IsSuccessStatusCode)
        {
            throw await KubeClient.FailureAsync(response, operation, either.Token);
        }

        deadline.CancelAfter(s_whole);
        var pipe = PipeReader.Create(await response.Content.ReadAsStreamAsync(either.Token));
        try
        {
            var batch = new List<WatchEvent<T>>();
            while (true)
            {
                var read = await GuardAsync(() => pipe.ReadAsync(either.Token).AsTask(), operation, deadline, ct);
                var rest = Parse(read.Buffer, resource, operation, batch);
                var tooLong = rest.Length > MaxLine;
                pipe.AdvanceTo(rest.Start, rest.End);
                if (batch.Count > 0)
                {
                    yield return batch;
                    batch.Clear();
                }

                if (read.IsCompleted)
                {
                    yield break;
                }

                if (tooLong)
                {
                    throw new IOException($"{operation}: a line of more than {MaxLine} bytes");
                }
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    /// <summary>Reads all whole lines into the batch and returns the piece of a line after them.</summary>
    private static ReadOnlySequence<byte> Parse<T>(
        ReadOnlySequence<byte> buffer, KubeResource<T> resource, string operation, List<WatchEvent<T>> batch)
        where T : class, IKubeObject
    {
        while (buffer.PositionOf((byte)'\n') is { } end)
        {
            var line = buffer.Slice(0, end);
            if (!line.IsEmpty)
            {
                batch.Add(line.IsSingleSegment
                    ? WatchLine.Parse(line.FirstSpan, resource.JsonTypeInfo, operation)
                    : WatchLine.Parse(line.ToArray(), resource.JsonTypeInfo, operation));
            }

            buffer = buffer.Slice(buffer.GetPosition(1, end));
        }

        return buffer;
    }

    private static async Task<TResult> GuardAsync<TResult>(
        Func<Task<TResult>> work, string operation, CancellationTokenSource deadline, CancellationToken ct)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new IOException($"{operation}: the server is silent", e);
        }
    }
}
