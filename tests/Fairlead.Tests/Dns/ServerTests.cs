using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Tests.Dns;

/// <summary>What the server does with messages, over real sockets on loopback.</summary>
public sealed class ServerTests
{
    private const string Whoami = ". {\n whoami\n}\n";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_question_is_answered_with_its_spelling_kept(bool tcp)
    {
        await using var server = await RunningServer.StartAsync(Whoami);

        var reply = await server.AskAsync("wHoAmI.ExAmPlE", options: new(Tcp: tcp));

        Assert.Equal("wHoAmI.ExAmPlE.", reply.Name.ToString());
        Assert.Equal(IPAddress.Loopback, reply.Additionals[0].Address);
        Assert.Equal(tcp ? "_tcp.wHoAmI.ExAmPlE." : "_udp.wHoAmI.ExAmPlE.", reply.Additionals[1].Name.ToString());
    }

    [Theory]
    [InlineData("no question", "0007 0100 0000 0000 0000 0000", "8101")]
    [InlineData("two questions", "0007 0100 0002 0000 0000 0000 00 0001 0001 00 0001 0001", "8101")]
    [InlineData("a question cut short", "0007 0100 0001 0000 0000 0000 03 616263", "8101")]
    [InlineData("a name that points at itself", "0007 0100 0001 0000 0000 0000 C00C 0001 0001", "8101")]
    [InlineData("more records than there are bytes", "0007 0100 0001 0000 0000 0002 00 0001 0001", "8101")]
    [InlineData("too many answers", "0007 0100 0001 0002 0000 0000 00 0001 0001", "8101")]
    [InlineData("two OPT records", "0007 0100 0001 0000 0000 0002 00 0001 0001 00 0029 1000 00000000 0000 00 0029 1000 00000000 0000", "8101")]
    [InlineData("an OPT record that is not the root's", "0007 0100 0001 0000 0000 0001 00 0001 0001 0161 00 0029 1000 00000000 0000", "8101")]
    [InlineData("another opcode", "0007 2000 0001 0000 0000 0000 00 0001 0001", "A004")]
    public async Task What_cannot_be_read_is_refused_in_twelve_bytes(string because, string message, string flags)
    {
        await using var server = await RunningServer.StartAsync(Whoami);

        Assert.Equal((because, $"0007{flags}0000000000000000"), (because, await RawAsync(server, message)));
    }

    [Fact]
    public async Task Another_class_is_refused()
    {
        await using var server = await RunningServer.StartAsync(Whoami);

        Assert.StartsWith("00078105", await RawAsync(server, "0007 0100 0001 0000 0000 0000 00 0010 0003"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_EDNS_version_gets_BADVERS()
    {
        await using var server = await RunningServer.StartAsync(Whoami);

        var reply = await RawAsync(server, "0007 0100 0001 0000 0000 0001 00 0001 0001 00 0029 04D0 00 01 0000 0000");

        // Extended code 1 and lower bits 0 make 16; the version is ours, 0.
        Assert.Equal("00078100" + "0001000000000001" + "0000010001" + "00002904D0" + "01000000" + "0000", reply);
    }

    [Fact]
    public async Task A_response_is_never_answered()
    {
        await using var server = await RunningServer.StartAsync(Whoami);
        using var socket = Connect(server);
        await socket.SendAsync(Bytes("0007 8100 0001 0000 0000 0000 00 0001 0001"), Ct);
        await socket.SendAsync(Bytes("0001"), Ct);
        await socket.SendAsync(Bytes("0008 0100 0001 0000 0000 0000 00 0001 0001"), Ct);

        var reply = new byte[512];
        var length = await socket.ReceiveAsync(reply, Ct);

        Assert.True(DnsHeader.TryRead(reply.AsSpan(0, length), out var header));
        Assert.Equal(8, header.Id);
    }

    [Fact]
    public async Task A_name_outside_every_zone_is_refused()
    {
        await using var server = await RunningServer.StartAsync("a.example {\n whoami\n}\n");

        Assert.Equal(ResponseCode.Refused, (await server.AskAsync("b.example")).Code);
        Assert.Equal(ResponseCode.NoError, (await server.AskAsync("x.a.example")).Code);
    }

    [Fact]
    public async Task The_longest_zone_answers()
    {
        await using var server = await RunningServer.StartAsync(
            "example {\n hosts /dev/null {\n 10.0.0.1 x.a.example\n }\n}\na.example {\n hosts /dev/null {\n 10.0.0.2 x.a.example\n }\n}\n");

        Assert.Equal("10.0.0.2", (await server.AskAsync("x.a.example")).Answers[0].FormatData());
    }

    [Fact]
    public async Task What_does_not_fit_over_UDP_is_cut_and_whole_over_TCP()
    {
        var lines = string.Join('\n', Enumerable.Range(1, 200).Select(i => $"10.0.0.{i} many.example"));
        await using var server = await RunningServer.StartAsync($". {{\n hosts /dev/null {{\n{lines}\n }}\n}}\n");

        var plain = await server.AskAsync("many.example", options: new(PayloadSize: 0, RetryTruncated: false));
        var edns = await server.AskAsync("many.example", options: new(PayloadSize: 4096, RetryTruncated: false));
        var whole = await server.AskAsync("many.example");

        Assert.True(plain.Truncated);
        Assert.InRange(plain.Answers.Length, 20, (512 - 12) / 16);
        Assert.False(plain.Edns.Present);
        Assert.True(edns.Truncated);
        Assert.InRange(edns.Answers.Length, 60, (1232 - 12) / 16);
        Assert.Equal(1232, edns.Edns.PayloadSize);
        Assert.False(whole.Truncated);
        Assert.Equal(200, whole.Answers.Length);
    }

    [Fact]
    public async Task Queries_of_one_TCP_connection_may_come_together()
    {
        await using var server = await RunningServer.StartAsync(Whoami);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.EndPoint, Ct);
        var queries = Enumerable.Range(0, 50).SelectMany(i =>
        {
            var query = DnsClient.Encode((ushort)i, DnsName.Parse($"n{i}.example"), RecordType.A, DnsQueryOptions.Default);
            return (byte[])[(byte)(query.Length >> 8), (byte)query.Length, .. query];
        }).ToArray();

        // Cut at an odd place: a length prefix may arrive in halves.
        await socket.SendAsync(queries.AsMemory(0, 1), Ct);
        await socket.SendAsync(queries.AsMemory(1, 100), Ct);
        await socket.SendAsync(queries.AsMemory(101), Ct);

        await using var stream = new NetworkStream(socket);
        var seen = new HashSet<int>();
        for (var i = 0; i < 50; i++)
        {
            var prefix = new byte[2];
            await stream.ReadExactlyAsync(prefix, Ct);
            var reply = new byte[BinaryPrimitives.ReadUInt16BigEndian(prefix)];
            await stream.ReadExactlyAsync(reply, Ct);
            Assert.True(DnsMessage.TryParse(reply, out var message));
            Assert.Equal($"n{message.Header.Id}.example.", message.Name.ToString());
            seen.Add(message.Header.Id);
        }

        Assert.Equal(50, seen.Count);
    }

    [Fact]
    public async Task Two_servers_cannot_have_one_port()
    {
        await using var server = await RunningServer.StartAsync(Whoami);

        var error = await Assert.ThrowsAsync<IOException>(() => RunningServer.StartAsync($".:{server.EndPoint.Port} {{\n whoami\n}}\n"));

        Assert.StartsWith($"listen udp :{server.EndPoint.Port}: address already in use", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bind_listens_at_its_address_only()
    {
        await using var server = await RunningServer.StartAsync(". {\n bind 127.0.0.1\n whoami\n}\n");

        Assert.Equal(IPAddress.Loopback, server.Server.EndPoints[0].Address);
        Assert.Equal(ResponseCode.NoError, (await server.AskAsync("x")).Code);
    }

    [Theory]
    [InlineData(". {\n errors\n nonsense\n}\n", "Corefile:3: Unknown directive 'nonsense'")]
    [InlineData(". {\n rewrite name a b\n}\n", "Corefile:2: directive 'rewrite' is one of CoreDNS's that Fairlead does not have yet")]
    [InlineData(". {\n whoami x\n}\n", "Corefile:2: whoami: unexpected argument 'x'")]
    [InlineData(". {\n cache 0\n}\n", "Corefile:2: cache: cache TTL can not be zero or negative: 0")]
    [InlineData(". {\n hosts\n hosts\n}\n", "Corefile:3: hosts: this plugin can only be used once per Server Block")]
    [InlineData(". {\n forward .\n}\n", "Corefile:2: forward: wrong argument count or unexpected line ending")]
    [InlineData(". {\n forward . nowhere\n}\n", "Corefile:2: forward: not an IP address or file: 'nowhere'")]
    [InlineData(". {\n forward . tls://1.1.1.1\n}\n", "Corefile:2: forward: 'tls://1.1.1.1': upstreams over tls are not supported yet")]
    [InlineData(". {\n health x\n}\n", "Corefile:2: health: 'x' is not an address to listen on")]
    [InlineData(". {\n health {\n lameduck soon\n }\n}\n", "Corefile:3: lameduck: 'soon' is not a duration: write it like 5s, 300ms or 1h30m")]
    [InlineData("a {\n whoami\n}\na {\n whoami\n}\n", "Corefile:4: cannot serve a.:0: it is already defined")]
    [InlineData("tls://a {\n whoami\n}\n", "Corefile:1: 'tls://a.': only plain DNS is served so far")]
    [InlineData("", "Corefile:1: no server block: write one like '.:53 { … }'")]
    public async Task A_bad_Corefile_stops_the_start_with_file_line_and_reason(string corefile, string message)
    {
        var error = await Assert.ThrowsAsync<Fairlead.Dns.Corefile.CorefileException>(() => RunningServer.StartAsync(corefile));

        Assert.Equal(message, error.Message);
    }

    [Fact]
    public async Task A_query_that_is_being_answered_is_finished_when_the_server_stops()
    {
        using var upstream = new FakeUpstream();
        var server = await RunningServer.StartAsync($". {{\n forward . {upstream.EndPoint}\n}}\n");
        var asked = server.AskAsync("slow.example");
        var query = await upstream.ReceiveAsync(Ct);

        var stopping = server.DisposeAsync().AsTask();
        upstream.Answer(query, 60, "192.0.2.1");

        Assert.Equal("192.0.2.1", (await asked).Answers[0].FormatData());
        await stopping;
    }

    [Fact]
    public void A_query_answered_from_data_allocates_nothing()
    {
        var pipeline = KubernetesPipeline();
        var query = DnsClient.Encode(1, DnsName.Parse("_http._tcp.WEB.shop.svc.cluster.local"), RecordType.SRV, DnsQueryOptions.Default);
        var context = pipeline.Rent();
        var buffer = new byte[1232];
        for (var i = 0; i < 1000; i++)
        {
            Answer();
        }

        var length = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            length = Answer();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(DnsMessage.TryParse(buffer.AsSpan(0, length), out var message));
        Assert.Equal("0 50 80 web.shop.svc.cluster.local.", Assert.Single(message.Answers).FormatData());

        int Answer()
            => pipeline.AnswerAsync(context, query, DnsTransport.Udp, CancellationToken.None).IsCompletedSuccessfully ? ReplyWriter.Write(context, buffer) : 0;
    }

    private static QueryPipeline KubernetesPipeline()
    {
        var document = Fairlead.Dns.Corefile.CorefileParser.Parse("Corefile", ". {\n errors\n loadbalance\n cache 30\n kubernetes cluster.local\n}\n");
        var zone = KubernetesPluginTests.Snapshot(KubernetesPluginTests.Settings(Fairlead.Dns.Plugins.Kubernetes.PodMode.Disabled));
        var environment = new Fairlead.Dns.Plugins.PluginEnvironment(
            new DnsOptions { ClusterZone = _ => new MadeZone(zone) }, document, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, new());
        var configuration = ServerConfiguration.Build(environment, (_, _) => { });
        var pipeline = new QueryPipeline("dns://:53", Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        pipeline.Use(configuration.Listeners.Values.Single().Router);
        return pipeline;
    }

    private static async Task<string> RawAsync(RunningServer server, string message)
    {
        using var socket = Connect(server);
        await socket.SendAsync(Bytes(message), Ct);
        var reply = new byte[1500];
        var length = await socket.ReceiveAsync(reply, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(5), Ct);
        return Convert.ToHexString(reply.AsSpan(0, length));
    }

    private static Socket Connect(RunningServer server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(server.EndPoint);
        return socket;
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
