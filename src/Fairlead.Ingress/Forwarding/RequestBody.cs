using System.Buffers;
using System.IO.Pipelines;

namespace Fairlead.Ingress.Forwarding;

/// <summary>The body of a client's request on its way to an endpoint.</summary>
/// <remarks>
/// A small body is read whole first: a slow client then keeps no endpoint busy, it goes out in one write with the head, and it can be
/// sent again to the next endpoint. A greater one, or one of unknown length, is passed on piece by piece and can be sent once.
/// </remarks>
internal sealed class RequestBody : IDisposable
{
    /// <summary>The greatest body that is read before the request is sent.</summary>
    public const int MostBuffered = 64 * 1024;

    private const int MostPiece = 32 * 1024;

    private readonly PipeReader? _reader;
    private readonly long? _length;
    private byte[]? _whole;

    private RequestBody(PipeReader? reader, long? length) => (_reader, _length) = (reader, length);

    /// <summary>How the endpoint is told about it.</summary>
    public RequestHead.Framing Framing => _reader is null ? new(_length, IsChunked: false) : new(_length, IsChunked: _length is null);

    /// <summary>It can be sent, and sent again: there is none, it is whole in memory, or nothing was read yet.</summary>
    public bool CanSend { get; private set; } = true;

    /// <summary>There is more to send than <see cref="Whole"/>.</summary>
    public bool IsStreamed => _reader is not null && _whole is null;

    /// <summary>The body, if it is in memory.</summary>
    public ReadOnlyMemory<byte> Whole => _whole is null ? default : _whole.AsMemory(0, (int)_length!.Value);

    /// <summary>Bytes taken from the client.</summary>
    public long Read { get; private set; }

    /// <summary>The body of a request; a small one is read here.</summary>
    public static async ValueTask<RequestBody> OpenAsync(Exchange exchange, CancellationToken ct)
    {
        var length = exchange.Request.Headers.ContentLength;
        if (!exchange.CanHaveBody || length == 0)
        {
            return new RequestBody(null, length);
        }

        var body = new RequestBody(exchange.RequestBody.Reader, length);
        if (length <= MostBuffered)
        {
            await body.ReadWholeAsync((int)length.Value, ct);
        }

        return body;
    }

    /// <summary>Sends what <see cref="Whole"/> does not hold.</summary>
    public async Task StreamAsync(UpstreamConnection connection, CancellationToken ct)
    {
        CanSend = false;
        using var chunk = _length is null ? new ByteWriter(MostPiece + 16) : null;

        // A read that a token cancels leaves Kestrel's reader in the midst of it: the rest cannot be drained, and the client's connection is lost.
        await using var cancelling = ct.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), _reader);
        while (true)
        {
            var read = await _reader!.ReadAsync(CancellationToken.None);
            try
            {
                foreach (var segment in read.Buffer)
                {
                    await SendAsync(connection, chunk, segment);
                }
            }
            finally
            {
                // Also when the endpoint fails: Kestrel can then drain the rest and keep the client's connection.
                _reader.AdvanceTo(read.Buffer.End);
            }

            ct.ThrowIfCancellationRequested();
            if (read.IsCompleted)
            {
                break;
            }
        }

        if (chunk is not null)
        {
            await connection.SendAsync("0\r\n\r\n"u8.ToArray());
        }
    }

    public void Dispose()
    {
        if (_whole is { } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
            _whole = null;
        }
    }

    private async ValueTask SendAsync(UpstreamConnection connection, ByteWriter? chunk, ReadOnlyMemory<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            var piece = segment[..Math.Min(segment.Length, MostPiece)];
            segment = segment[piece.Length..];
            Read += piece.Length;
            await connection.SendAsync(chunk is null ? piece : Chunk(chunk, piece.Span));
        }
    }

    private static ReadOnlyMemory<byte> Chunk(ByteWriter chunk, ReadOnlySpan<byte> piece)
    {
        chunk.Clear();
        chunk.WriteHex(piece.Length);
        chunk.Write("\r\n"u8);
        chunk.Write(piece);
        chunk.Write("\r\n"u8);
        return chunk.Written;
    }

    private async ValueTask ReadWholeAsync(int length, CancellationToken ct)
    {
        _whole = ArrayPool<byte>.Shared.Rent(length);
        for (var position = 0; ;)
        {
            var read = await _reader!.ReadAsync(ct);
            read.Buffer.CopyTo(_whole.AsSpan(position));
            position += (int)read.Buffer.Length;
            Read = position;
            _reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }
}
