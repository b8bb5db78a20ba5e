using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>Answers queries over UDP at one address, with one socket per worker.</summary>
/// <remarks>
/// The workers share the port by SO_REUSEPORT: the kernel spreads clients over them by hash, so no lock and no queue lies between.
/// Queries that finish at once are answered in the receive loop; those that wait for someone else go on by themselves, and the loop goes on too.
/// </remarks>
internal sealed class UdpListener : IDnsListener
{
    private const int ReceiveSize = 4096;
    private const int MaxWaiting = 8192;
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);
    private readonly Socket[] _sockets;
    private readonly QueryPipeline _pipeline;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _kill = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task[] _workers = [];
    private int _waiting;

    private UdpListener(Socket[] sockets, QueryPipeline pipeline, TimeProvider time) => (_sockets, _pipeline, _time) = (sockets, pipeline, time);

    public IPEndPoint EndPoint => (IPEndPoint)_sockets[0].LocalEndPoint!;

    /// <summary>Binds the sockets; no query is read before <see cref="Start"/>.</summary>
    public static UdpListener Bind(IPEndPoint address, int workers, QueryPipeline pipeline, TimeProvider time)
    {
        var sockets = new List<Socket>();

        // SO_REUSEPORT would let a second server of the same user in, and each would get half of the queries.
        using (var probe = SocketSetup.Create(address, SocketType.Dgram, ProtocolType.Udp))
        {
            probe.Bind(address);
        }

        try
        {
            for (var i = 0; i < workers; i++)
            {
                var socket = SocketSetup.Create(address, SocketType.Dgram, ProtocolType.Udp);
                sockets.Add(socket);
                SocketSetup.SharePort(socket);
                socket.ReceiveBufferSize = 1 << 20;

                // Port 0 is chosen by the kernel once; the other workers join it.
                socket.Bind(i == 0 ? address : new IPEndPoint(address.Address, ((IPEndPoint)sockets[0].LocalEndPoint!).Port));
            }

            return new UdpListener([.. sockets], pipeline, time);
        }
        catch
        {
            sockets.ForEach(socket => socket.Dispose());
            throw;
        }
    }

    public void Start() => _workers = [.. _sockets.Select(socket => Task.Run(() => ReceiveAsync(socket)))];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_workers);
        using var deadline = _time.CreateTimer(_ => _kill.Cancel(), null, s_drain, Timeout.InfiniteTimeSpan);
        if (Volatile.Read(ref _waiting) > 0)
        {
            await _drained.Task;
        }

        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        _stop.Dispose();
        _kill.Dispose();
    }

    private async Task ReceiveAsync(Socket socket)
    {
        var work = new Work(_pipeline.Rent(), socket.AddressFamily);
        var free = new Stack<Work>();
        var ct = _stop.Token;
        while (!ct.IsCancellationRequested)
        {
            int length;
            try
            {
                length = await socket.ReceiveFromAsync(work.Request, SocketFlags.None, work.Source, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException) when (!ct.IsCancellationRequested)
            {
                // An ICMP error for an earlier reply, or a moment without memory: neither is about the next query.
                continue;
            }

            var context = work.Context;
            context.Source = work.Source;
            var pending = _pipeline.AnswerAsync(context, work.Request.AsSpan(0, length), DnsTransport.Udp, _kill.Token);
            if (pending.IsCompletedSuccessfully)
            {
                Reply(socket, work);
                continue;
            }

            var waiting = Interlocked.Increment(ref _waiting);
            var finish = FinishAsync(socket, work, pending, free);
            if (waiting > MaxWaiting)
            {
                await finish;
            }

            lock (free)
            {
                work = free.TryPop(out var used) ? used : new Work(_pipeline.Rent(), socket.AddressFamily);
            }
        }
    }

    private async Task FinishAsync(Socket socket, Work work, ValueTask pending, Stack<Work> free)
    {
        await pending;
        Reply(socket, work);
        lock (free)
        {
            free.Push(work);
        }

        if (Interlocked.Decrement(ref _waiting) == 0 && _stop.IsCancellationRequested)
        {
            _drained.TrySetResult();
        }
    }

    private static void Reply(Socket socket, Work work)
    {
        var length = ReplyWriter.Write(work.Context, work.Reply);
        if (length == 0)
        {
            return;
        }

        try
        {
            socket.SendTo(work.Reply.AsSpan(0, length), SocketFlags.None, work.Source);
        }
        catch (SocketException)
        {
            // The client's network is gone, or its address was forged: nobody is left to tell.
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <summary>The buffers one query needs from its arrival to its reply.</summary>
    private sealed class Work(DnsContext context, AddressFamily family)
    {
        public DnsContext Context { get; } = context;

        public SocketAddress Source { get; } = new(family);

        public byte[] Request { get; } = GC.AllocateUninitializedArray<byte>(ReceiveSize, pinned: true);

        public byte[] Reply { get; } = GC.AllocateUninitializedArray<byte>(Edns.OfferedPayload, pinned: true);
    }
}

/// <summary>The socket options every listener wants.</summary>
internal static class SocketSetup
{
    // asm-generic/socket.h
    private const int SolSocket = 1;
    private const int SoReusePort = 15;

    /// <summary>A socket for this address; the IPv6 wildcard takes IPv4 too.</summary>
    public static Socket Create(IPEndPoint address, SocketType type, ProtocolType protocol)
    {
        var socket = new Socket(address.AddressFamily, type, protocol);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = address.Address.Equals(IPAddress.IPv6Any);
        }

        return socket;
    }

    public static void SharePort(Socket socket)
    {
        var one = 1;
        socket.SetRawSocketOption(SolSocket, SoReusePort, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in one)));
    }
}
