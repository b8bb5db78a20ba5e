using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Tests.Dns;

/// <summary>A DNS server that answers what a test tells it to, over UDP on loopback.</summary>
internal sealed class FakeUpstream : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    public FakeUpstream() => _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public async Task<Query> ReceiveAsync(CancellationToken ct)
    {
        var buffer = new byte[1500];
        var received = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), ct).AsTask().WaitAsync(TimeSpan.FromSeconds(10), ct);
        Assert.True(DnsMessage.TryParse(buffer.AsSpan(0, received.ReceivedBytes), out var message));
        return new Query(message, (IPEndPoint)received.RemoteEndPoint);
    }

    /// <summary>Whether nothing has come.</summary>
    public bool IsIdle => _socket.Available == 0;

    public void Answer(Query query, uint ttl, params string[] addresses)
        => Send(query, query.Message.Header.Id, query.Message.Name, ResponseCode.NoError, [.. addresses.Select(a => Fairlead.Dns.Wire.Record.ForAddress(query.Message.Name, ttl, IPAddress.Parse(a)))]);

    public void Deny(Query query, ResponseCode code, uint minimum)
    {
        var zone = DnsName.Parse("example");
        Send(query, query.Message.Header.Id, query.Message.Name, code, [], Fairlead.Dns.Wire.Record.ForSoa(zone, 900, zone, zone, 1, 2, 3, 4, minimum));
    }

    public void Send(Query query, ushort id, DnsName name, ResponseCode code, Fairlead.Dns.Wire.Record[] answers, Fairlead.Dns.Wire.Record? authority = null, DnsFlags flags = DnsFlags.None)
    {
        var writer = new DnsWriter(new byte[1500]);
        writer.TryWriteQuestion(name.Wire, query.Message.Type, RecordClass.IN);
        foreach (var answer in answers)
        {
            writer.TryWriteRecord(answer);
        }

        if (authority is not null)
        {
            writer.TryWriteRecord(authority);
        }

        var word = DnsHeader.Word(DnsFlags.Response | DnsFlags.RecursionAvailable | flags, 0, code);
        _socket.SendTo(writer.Finish(new DnsHeader(id, word, 1, (ushort)answers.Length, (ushort)(authority is null ? 0 : 1), 0)), query.From);
    }

    public void Dispose() => _socket.Dispose();

    public sealed record Query(DnsMessage Message, IPEndPoint From);
}
