using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Dns.Server;

/// <summary>One client's TCP connection: length-prefixed queries in, replies out in the order they are ready (RFC 7766 §6.2.1.1).</summary>
internal sealed class TcpConnection(Socket socket, QueryPipeline pipeline, TcpLimits limits, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _pipelined = new(limits.MaxPipelined);
    private readonly SemaphoreSlim _writing = new(1);

    /// <summary>Serves the client until it goes, falls silent, stops reading, or the server stops. Never throws.</summary>
    /// <param name="stop">Ends the reading of queries.</param>
    /// <param name="kill">Ends the answering of those already read.</param>
    public async Task RunAsync(CancellationToken stop, CancellationToken kill)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var buffer = ArrayPool<byte>.Shared.Rent(2 + ushort.MaxValue);
        try
        {
            socket.NoDelay = true;
            var source = socket.RemoteEndPoint!.Serialize();
            await ReadAsync(buffer, source, stop, kill);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Gone, silent too long, or stopping: each ends the connection and none is news.
        }
        finally
        {
            // Every query still being answered holds a place; all places back means none is left.
            for (var i = 0; i < limits.MaxPipelined; i++)
            {
                await _pipelined.WaitAsync(CancellationToken.None);
            }

            ArrayPool<byte>.Shared.Return(buffer);
            Dispose();
        }
    }

    public void Dispose()
    {
        socket.Dispose();
        _pipelined.Dispose();
        _writing.Dispose();
    }

    private async Task ReadAsync(byte[] buffer, SocketAddress source, CancellationToken stop, CancellationToken kill)
    {
        var filled = 0;
        while (true)
        {
            while (filled >= 2 && BinaryPrimitives.ReadUInt16BigEndian(buffer) is var length && filled >= 2 + length)
            {
                await _pipelined.WaitAsync(stop);
                var context = pipeline.Rent();
                context.Source = source;
                var pending = pipeline.AnswerAsync(context, buffer.AsSpan(2, length), DnsTransport.Tcp, kill);
                buffer.AsSpan(2 + length, filled - 2 - length).CopyTo(buffer);
                filled -= 2 + length;
                var reply = ReplyAsync(context, pending);
                if (reply.IsCompleted)
                {
                    await reply;
                }
            }

            using var idle = new CancellationTokenSource(limits.Idle, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, stop);
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled, 2 + ushort.MaxValue - filled), SocketFlags.None, either.Token);
            if (read == 0)
            {
                return;
            }

            filled += read;
        }
    }

    /// <summary>Writes a reply once it is there. Its failure closes the socket, which ends the reading too.</summary>
    private async Task ReplyAsync(DnsContext context, ValueTask pending)
    {
        byte[]? reply = null;
        try
        {
            await pending;
            reply = ArrayPool<byte>.Shared.Rent(2 + ushort.MaxValue);
            var length = ReplyWriter.Write(context, reply.AsSpan(2));
            if (length > 0)
            {
                BinaryPrimitives.WriteUInt16BigEndian(reply, (ushort)length);
                await _writing.WaitAsync();
                try
                {
                    using var slow = new CancellationTokenSource(limits.Write, time);
                    for (var sent = 0; sent < length + 2;)
                    {
                        sent += await socket.SendAsync(reply.AsMemory(sent, length + 2 - sent), SocketFlags.None, slow.Token);
                    }
                }
                finally
                {
                    _writing.Release();
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            socket.Dispose();
        }
        finally
        {
            if (reply is not null)
            {
                ArrayPool<byte>.Shared.Return(reply);
            }

            pipeline.Return(context);
            _pipelined.Release();
        }
    }
}
