using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Fairlead.Ingress.Forwarding;

/// <summary>One connection to an endpoint: HTTP/1.1, one request at a time.</summary>
/// <remarks>
/// A buffer is held only during a request, so an idle connection is a socket and little more. <see cref="Abort"/> may be called from any
/// thread and makes the pending read or write fail; everything else belongs to the one request that has the connection.
/// </remarks>
internal sealed class UpstreamConnection : IDisposable
{
    private const int BufferSize = 16 * 1024;

#pragma warning disable CA5359 // As nginx by default (proxy_ssl_verify off): endpoints are known by address, and have no name to verify.
    private static readonly SslClientAuthenticationOptions s_anyCertificate = new()
    {
        TargetHost = "",
        RemoteCertificateValidationCallback = static (_, _, _, _) => true,
    };
#pragma warning restore CA5359

    private readonly Socket _socket;
    private readonly SslStream? _tls;
    private readonly Deadline _deadline;
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private volatile bool _timedOut;
    private int _disposed;

    private UpstreamConnection(Socket socket, SslStream? tls, TimeProvider time)
    {
        _socket = socket;
        _tls = tls;
        _deadline = new Deadline(time, () =>
        {
            _timedOut = true;
            Abort();
        });
    }

    public bool IsHttps => _tls is not null;

    /// <summary>When it became idle, as a timestamp of the time provider.</summary>
    public long IdleSince { get; set; }

    /// <summary>It has served a request before: the endpoint may have closed it meanwhile.</summary>
    public bool IsReused { get; set; }

    /// <summary>The limit for each read from now on.</summary>
    public TimeSpan ReadTimeout { get; set; }

    /// <summary>The limit for each write from now on.</summary>
    public TimeSpan SendTimeout { get; set; }

    public ResponseHead Head { get; } = new();

    /// <summary>The bytes of the head, which <see cref="Head"/> points into. Valid until the next read.</summary>
    public ReadOnlySpan<byte> HeadBytes => _buffer;

    /// <summary>Bytes received and not taken yet.</summary>
    public ReadOnlyMemory<byte> Buffered => _buffer.AsMemory(_start, _end - _start);

    public static async Task<UpstreamConnection> ConnectAsync(IPEndPoint endpoint, bool https, TimeSpan timeout, TimeProvider time,
        CancellationToken ct)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? tls = null;
        using var limit = timeout > TimeSpan.Zero ? new CancellationTokenSource(timeout, time) : new CancellationTokenSource();
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await socket.ConnectAsync(endpoint, both.Token);
            if (https)
            {
                tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await tls.AuthenticateAsClientAsync(s_anyCertificate, both.Token);
            }

            return new UpstreamConnection(socket, tls, time);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or AuthenticationException)
        {
            socket.Dispose();
            ct.ThrowIfCancellationRequested();
            throw limit.IsCancellationRequested
                ? new(UpstreamFailure.Timeout, $"{endpoint}: no connection within {timeout.TotalSeconds:0.###} s", e) { NothingSent = true }
                : new UpstreamException(UpstreamFailure.Error, $"{endpoint}: {e.Message}", e) { NothingSent = true };
        }
    }

    /// <summary>An idle connection that has something to read has ended, or speaks without being asked.</summary>
    public bool IsStale()
    {
        try
        {
            return _disposed != 0 || _socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>Takes a buffer for a request.</summary>
    public void Begin(TimeSpan readTimeout, TimeSpan sendTimeout)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        (_start, _end) = (0, 0);
        ReadTimeout = readTimeout;
        SendTimeout = sendTimeout;
    }

    /// <summary>Gives the buffer back. True when the connection is clean: nothing was received that nobody asked for.</summary>
    public bool End()
    {
        _deadline.Clear();
        var clean = _start == _end;
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        (_start, _end) = (0, 0);
        return clean && !_timedOut && _disposed == 0;
    }

    public async ValueTask SendAsync(ReadOnlyMemory<byte> data)
    {
        // Always set: a read may be pending with its own, older limit while a long body is sent.
        _deadline.Set(SendTimeout);
        try
        {
            if (_tls is not null)
            {
                await _tls.WriteAsync(data);
                return;
            }

            while (!data.IsEmpty)
            {
                data = data[await _socket.SendAsync(data, SocketFlags.None)..];
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            throw Failed("write", e);
        }
    }

    /// <summary>From now on the endpoint has the time of a read to answer.</summary>
    public void Sent() => _deadline.Set(ReadTimeout);

    /// <summary>Receives into a caller's memory; 0 at the end.</summary>
    public async ValueTask<int> ReceiveAsync(Memory<byte> into)
    {
        try
        {
            var receiving = _tls is null ? _socket.ReceiveAsync(into, SocketFlags.None) : _tls.ReadAsync(into);
            if (!receiving.IsCompleted)
            {
                _deadline.Set(ReadTimeout);
            }

            return await receiving;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            throw Failed("read", e);
        }
    }

    /// <summary>Receives more into the own buffer; false at the end.</summary>
    public async ValueTask<bool> FillAsync()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, 0);
        }
        else if (_end == _buffer.Length)
        {
            MoveToFront();
        }

        var received = await ReceiveAsync(_buffer.AsMemory(_end));
        _end += received;
        return received > 0;
    }

    public void Take(int bytes) => _start += bytes;

    /// <summary>Reads the head of the next answer. False when the endpoint closed before its first byte.</summary>
    public async ValueTask<bool> ReadHeadAsync()
    {
        MoveToFront();
        for (var (line, scanned) = (0, 0); ;)
        {
            if (FindEmptyLine(ref line, ref scanned) is var length and > 0)
            {
                if (!Head.TryParse(_buffer.AsSpan(0, length)))
                {
                    throw new UpstreamException(UpstreamFailure.InvalidAnswer, "the answer is no valid HTTP/1.1");
                }

                _start = length;
                return true;
            }

            if (_end == _buffer.Length)
            {
                Grow();
            }

            if (!await FillAsync())
            {
                return _end == 0
                    ? false
                    : throw new UpstreamException(UpstreamFailure.Error, "the endpoint closed within the head of its answer");
            }
        }
    }

    public void Abort() => Dispose();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        _deadline.Dispose();
        _socket.Dispose();
        _tls?.Dispose();
    }

    private void MoveToFront()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
    }

    /// <summary>The length of the head through its empty line; 0 when that has not come yet.</summary>
    /// <param name="line">Where the current line begins.</param>
    /// <param name="scanned">How far there is no further line end.</param>
    private int FindEmptyLine(ref int line, ref int scanned)
    {
        while (_buffer.AsSpan(scanned, _end - scanned).IndexOf((byte)'\n') is var found and >= 0)
        {
            var feed = scanned + found;
            if (feed == 0 || _buffer[feed - 1] != '\r' || feed == 1)
            {
                throw new UpstreamException(UpstreamFailure.InvalidAnswer,
                    "the head of the answer has an empty first line or a line without CR");
            }

            if (feed - 1 == line)
            {
                return feed + 1;
            }

            scanned = line = feed + 1;
        }

        scanned = _end;
        return 0;
    }

    private void Grow()
    {
        if (_buffer.Length >= ResponseHead.MostBytes)
        {
            throw new UpstreamException(UpstreamFailure.InvalidAnswer,
                $"the head of the answer is greater than {ResponseHead.MostBytes} bytes");
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private UpstreamException Failed(string doing, Exception e)
        => _timedOut
            ? new UpstreamException(UpstreamFailure.Timeout, $"{doing} timed out", e)
            : new UpstreamException(UpstreamFailure.Error, $"{doing}: {e.Message}", e);
}
