using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Wire;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Dns;

/// <summary>The plugins of a cluster's Corefile, one behaviour a test, over real sockets.</summary>
public sealed class PluginTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hosts_answers_addresses_and_names()
    {
        await using var server = await RunningServer.StartAsync(". {\n hosts /dev/null {\n 192.168.1.10 Web.example web\n fd00::1 web.example\n ttl 60\n }\n}\n");

        Assert.Equal("192.168.1.10", Assert.Single((await server.AskAsync("web.example")).Answers).FormatData());
        Assert.Equal("fd00::1", Assert.Single((await server.AskAsync("WEB.example", RecordType.AAAA)).Answers).FormatData());
        var pointers = await server.AskAsync("10.1.168.192.in-addr.arpa", RecordType.PTR);
        Assert.Equal(["Web.example.", "web."], pointers.Answers.Select(r => r.FormatData()));
        Assert.Equal(60u, pointers.Answers[0].Ttl);

        // The name is there, so another type is NODATA; a name that is not there is SERVFAIL, as in CoreDNS.
        Assert.Equal(ResponseCode.NoError, (await server.AskAsync("web.example", RecordType.MX)).Code);
        Assert.Equal(ResponseCode.ServerFailure, (await server.AskAsync("other.example")).Code);
    }

    [Fact]
    public async Task Hosts_falls_through_and_can_leave_reverse_names_alone()
    {
        await using var server = await RunningServer.StartAsync(". {\n hosts /dev/null {\n 192.168.1.10 web\n no_reverse\n fallthrough\n }\n whoami\n}\n");

        Assert.Equal("_udp.other.", (await server.AskAsync("other")).Additionals[1].Name.ToString());
        Assert.Equal(2, (await server.AskAsync("10.1.168.192.in-addr.arpa", RecordType.PTR)).Additionals.Length);
    }

    [Fact]
    public async Task Hosts_follows_its_file()
    {
        var file = Path.GetTempFileName();
        try
        {
            var time = new ManualTime();
            await File.WriteAllTextAsync(file, "10.0.0.1 one\n", Ct);
            await using var server = await RunningServer.StartAsync($". {{\n hosts {file}\n}}\n", new() { Time = time });
            Assert.Equal("10.0.0.1", (await server.AskAsync("one")).Answers[0].FormatData());

            await File.WriteAllTextAsync(file, "10.0.0.2 one # changed\n", Ct);
            Assert.Equal("10.0.0.1", (await server.AskAsync("one")).Answers[0].FormatData());
            time.Advance(TimeSpan.FromSeconds(5));
            await UntilAsync(async () => (await server.AskAsync("one")).Answers[0].FormatData() == "10.0.0.2");

            // Wrong lines are passed over; the rest stands.
            await File.WriteAllTextAsync(file, "nonsense\n10.0.0.3\n10.0.0.4 one\n", Ct);
            time.Advance(TimeSpan.FromSeconds(5));
            await UntilAsync(async () => (await server.AskAsync("one")).Answers[0].FormatData() == "10.0.0.4");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Forward_passes_on_what_the_upstream_says()
    {
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n forward . {upstream.EndPoint}\n}}\n");

        var asked = server.AskAsync("Up.Example", options: new(PayloadSize: 0));
        var query = await upstream.ReceiveAsync(Ct);
        Assert.Equal("Up.Example.", query.Message.Name.ToString());
        upstream.Answer(query, 77, "192.0.2.1");

        var reply = await asked;
        Assert.Equal("Up.Example.\t77\tIN\tA\t192.0.2.1", Assert.Single(reply.Answers).ToString());
        Assert.True(reply.Header.Flags.HasFlag(DnsFlags.RecursionAvailable));
    }

    [Fact]
    public async Task Forward_believes_no_reply_but_the_one_to_its_question()
    {
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n forward . {upstream.EndPoint}\n}}\n");

        var asked = server.AskAsync("up.example");
        var query = await upstream.ReceiveAsync(Ct);
        var poison = Fairlead.Dns.Wire.Record.ForAddress(query.Message.Name, 60, IPAddress.Parse("6.6.6.6"));
        upstream.Send(query, (ushort)(query.Message.Header.Id + 1), query.Message.Name, ResponseCode.NoError, [poison]);
        upstream.Send(query, query.Message.Header.Id, DnsName.Parse("other.example"), ResponseCode.NoError, [poison]);
        upstream.Send(query, query.Message.Header.Id, DnsName.Parse("UP.example"), ResponseCode.NoError, [poison]);
        upstream.Answer(query, 60, "192.0.2.1");

        Assert.Equal("192.0.2.1", Assert.Single((await asked).Answers).FormatData());
    }

    [Fact]
    public async Task Forward_asks_from_another_port_with_another_id_each_time()
    {
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n forward . {upstream.EndPoint}\n}}\n");
        var seen = new HashSet<(int, int)>();
        for (var i = 0; i < 8; i++)
        {
            var asked = server.AskAsync($"n{i}.example");
            var query = await upstream.ReceiveAsync(Ct);
            seen.Add((query.From.Port, query.Message.Header.Id));
            upstream.Answer(query, 60, "192.0.2.1");
            await asked;
        }

        Assert.Equal(8, seen.Count);
        Assert.InRange(seen.Select(s => s.Item1).Distinct().Count(), 4, 8);
    }

    [Fact]
    public async Task Forward_tries_the_next_upstream()
    {
        var closed = new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n errors\n forward . {closed} {upstream.EndPoint} {{\n policy sequential\n }}\n}}\n");

        var asked = server.AskAsync("up.example");
        upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.1");

        Assert.Equal("192.0.2.1", (await asked).Answers[0].FormatData());
    }

    [Fact]
    public async Task Forward_with_nobody_to_ask_is_SERVFAIL_and_says_why()
    {
        var closed = new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        await using var server = await RunningServer.StartAsync($". {{\n errors\n forward . {closed} {{\n max_fails 0\n }}\n}}\n");

        Assert.Equal(ResponseCode.ServerFailure, (await server.AskAsync("up.example")).Code);
        Assert.Contains($"[ERROR] plugin/errors: 2 up.example. A: {closed}: Connection refused", server.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forward_leaves_excepted_names_and_bounds_itself()
    {
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync(
            $". {{\n forward . {upstream.EndPoint} {{\n except local.example\n max_concurrent 1\n }}\n whoami\n}}\n");

        Assert.Equal(2, (await server.AskAsync("x.local.example")).Additionals.Length);
        var first = server.AskAsync("one.example");
        var query = await upstream.ReceiveAsync(Ct);
        Assert.Equal(ResponseCode.Refused, (await server.AskAsync("two.example")).Code);
        upstream.Answer(query, 60, "192.0.2.1");
        Assert.Single((await first).Answers);
    }

    [Fact]
    public async Task Forward_asks_again_over_TCP_what_was_cut_short()
    {
        var lines = string.Join('\n', Enumerable.Range(1, 100).Select(i => $"10.0.0.{i} many.example"));
        await using var upstream = await RunningServer.StartAsync($". {{\n hosts /dev/null {{\n{lines}\n }}\n}}\n");
        await using var server = await RunningServer.StartAsync($". {{\n forward . {upstream.EndPoint}\n}}\n");

        Assert.Equal(100, (await server.AskAsync("many.example")).Answers.Length);
    }

    [Fact]
    public async Task Cache_gives_answers_out_with_their_age_taken_off()
    {
        var time = new ManualTime();
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n cache\n forward . {upstream.EndPoint}\n}}\n", new() { Time = time });
        var asked = server.AskAsync("up.example");
        upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.1");
        Assert.Equal(60u, (await asked).Answers[0].Ttl);

        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("UP.example.\t40\tIN\tA\t192.0.2.1", (await server.AskAsync("UP.example")).Answers[0].ToString());
        Assert.True(upstream.IsIdle);

        time.Advance(TimeSpan.FromSeconds(40));
        asked = server.AskAsync("up.example");
        upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.2");
        Assert.Equal("192.0.2.2", (await asked).Answers[0].FormatData());
    }

    [Fact]
    public async Task Cache_keeps_denials_as_long_as_their_SOA_says_and_no_longer_than_told()
    {
        var time = new ManualTime();
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n cache 30\n forward . {upstream.EndPoint}\n}}\n", new() { Time = time });
        var asked = server.AskAsync("no.example");
        upstream.Deny(await upstream.ReceiveAsync(Ct), ResponseCode.NameError, 600);
        Assert.Equal(30u, (await asked).Authorities[0].Ttl);

        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(ResponseCode.NameError, (await server.AskAsync("no.example")).Code);
        time.Advance(TimeSpan.FromSeconds(1));
        asked = server.AskAsync("no.example");
        upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.2");
        Assert.Equal(ResponseCode.NoError, (await asked).Code);
    }

    [Fact]
    public async Task Cache_does_not_mix_questions()
    {
        using var upstream = new FakeUpstream();
        await using var server = await RunningServer.StartAsync($". {{\n cache\n forward . {upstream.EndPoint}\n}}\n");
        foreach (var options in new[] { DnsQueryOptions.Default, DnsQueryOptions.Default with { DnssecOk = true }, DnsQueryOptions.Default with { CheckingDisabled = true } })
        {
            var asked = server.AskAsync("up.example", options: options);
            upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.1");
            await asked;
        }
    }

    [Fact]
    public void The_cache_is_bounded()
    {
        var store = new Fairlead.Dns.Plugins.Cache.CacheStore(512);
        var item = new Fairlead.Dns.Plugins.Cache.CacheItem(ResponseCode.NoError, DnsFlags.None, [], [], [], 0, TimeSpan.FromSeconds(1));
        for (var i = 0; i < 10_000; i++)
        {
            store.Set(new(DnsName.Parse($"n{i}.example").Wire, RecordType.A, 0), item);
        }

        Assert.InRange(store.Count, 256, 512);
    }

    [Fact]
    public async Task Loop_ends_a_server_that_forwards_to_itself()
    {
        var port = FreePort.Next();
        await using var server = await RunningServer.StartAsync($".:{port} {{\n bind 127.0.0.1\n loop\n forward . 127.0.0.1:{port}\n}}\n");

        var reason = await server.Server.Aborted.WaitAsync(TimeSpan.FromSeconds(10), Ct);

        Assert.Matches($@"^plugin/loop: Loop \(127\.0\.0\.1:\d+ -> :{port}\) detected for zone ""\."", see https://coredns\.io/plugins/loop", reason);
    }

    [Fact]
    public async Task Loadbalance_changes_the_order_and_nothing_else()
    {
        await using var server = await RunningServer.StartAsync(". {\n loadbalance\n hosts /dev/null {\n 10.0.0.1 m\n 10.0.0.2 m\n 10.0.0.3 m\n }\n}\n");
        var orders = new HashSet<string>();
        for (var i = 0; i < 60; i++)
        {
            var answers = (await server.AskAsync("m")).Answers.Select(r => r.FormatData()).ToArray();
            Assert.Equal(["10.0.0.1", "10.0.0.2", "10.0.0.3"], answers.Order());
            orders.Add(string.Join(' ', answers));
        }

        Assert.InRange(orders.Count, 3, 6);
    }

    [Fact]
    public async Task Health_ready_and_metrics_share_ports_and_answer()
    {
        var port = FreePort.Next();
        await using var server = await RunningServer.StartAsync(
            $"a.example {{\n health 127.0.0.1:{port}\n ready 127.0.0.1:{port}\n prometheus 127.0.0.1:{port}\n whoami\n}}\nb.example {{\n health 127.0.0.1:{port}\n whoami\n}}\n");
        await server.AskAsync("x.a.example");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        Assert.Equal("OK", await http.GetStringAsync("/health", Ct));
        Assert.Equal("OK", await http.GetStringAsync("/ready", Ct));
        var metrics = await http.GetStringAsync("/metrics", Ct);
        Assert.Contains("coredns_dns_requests_total{family=\"1\",proto=\"udp\",server=\"dns://:0\",type=\"A\",view=\"\",zone=\"a.example.\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("coredns_dns_responses_total{plugin=\"whoami\",rcode=\"NOERROR\"", metrics, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri("/other", UriKind.Relative), Ct)).StatusCode);
    }

    [Fact]
    public async Task Ready_waits_for_the_cluster_and_names_who_is_not()
    {
        var port = FreePort.Next();
        var settings = KubernetesPluginTests.Settings(Fairlead.Dns.Plugins.Kubernetes.PodMode.Disabled);
        var zone = new MadeZone(Fairlead.Dns.Plugins.Kubernetes.ZoneSnapshot.Empty(settings));
        await using var server = await RunningServer.StartAsync(
            $". {{\n ready 127.0.0.1:{port}\n kubernetes cluster.local {{\n startup_timeout 1ms\n }}\n}}\n", new() { ClusterZone = _ => zone });
        using var http = new HttpClient();
        var url = new Uri($"http://127.0.0.1:{port}/ready");

        var before = await http.GetAsync(url, Ct);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "kubernetes"), (before.StatusCode, await before.Content.ReadAsStringAsync(Ct)));
        zone.Zone.Publish(KubernetesPluginTests.Snapshot(settings));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(url, Ct)).StatusCode);
    }

    [Fact]
    public async Task A_query_is_logged_as_CoreDNS_does()
    {
        await using var server = await RunningServer.StartAsync(". {\n log\n whoami\n}\n");

        await server.AskAsync("x.example");

        Assert.Matches(@"\[INFO\] 127\.0\.0\.1:\d+ - \d+ ""A IN x\.example\. udp 38 false 1232"" NOERROR qr,aa,rd 78 0\.\d{9}s", server.Log.ToString());
    }

    [Fact]
    public async Task A_changed_Corefile_is_taken_on_and_a_bad_one_is_not()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, Corefile("10.0.0.1"), Ct);
            await using var server = await RunningServer.StartAsync("", new() { Conf = file }, useFile: true);
            Assert.Equal("10.0.0.1", (await server.AskAsync("m")).Answers[0].FormatData());
            using var stop = new CancellationTokenSource();
            var begun = new TaskCompletionSource();
            var storm = Task.Run(() => StormAsync(server, begun, stop.Token), Ct);
            await begun.Task;

            await File.WriteAllTextAsync(file, Corefile("10.0.0.2"), Ct);
            Assert.True(await server.Server.ReloadAsync(Ct));
            Assert.Equal("10.0.0.2", (await server.AskAsync("m")).Answers[0].FormatData());

            await File.WriteAllTextAsync(file, Corefile("10.0.0.3") + "nonsense {", Ct);
            Assert.False(await server.Server.ReloadAsync(Ct));
            Assert.Equal("10.0.0.2", (await server.AskAsync("m")).Answers[0].FormatData());
            Assert.Contains($"[ERROR] Corefile changed but reload failed; the old configuration stays in force: {file}:7: ", server.Log.ToString(), StringComparison.Ordinal);

            await stop.CancelAsync();
            Assert.InRange(await storm, 1, int.MaxValue);
        }
        finally
        {
            File.Delete(file);
        }

        static string Corefile(string address) => $". {{\n reload\n hosts /dev/null {{\n {address} m\n }}\n}}\n";
    }

    [Fact]
    public async Task The_course_notes_old_Corefile_serves_with_warnings()
    {
        using var upstream = new FakeUpstream();
        var zone = KubernetesPluginTests.Snapshot(KubernetesPluginTests.Settings(Fairlead.Dns.Plugins.Kubernetes.PodMode.Insecure));
        var corefile = $$"""
            . {
              errors
              health 127.0.0.1:{{FreePort.Next()}}
              kubernetes cluster.local in-addr.arpa ip6.arpa {
                pods insecure
                upstream
                fallthrough in-addr.arpa ip6.arpa
              }
              prometheus 127.0.0.1:{{FreePort.Next()}}
              proxy . {{upstream.EndPoint}}
              cache 30
              reload
            }
            """;
        await using var server = await RunningServer.StartAsync(corefile, new() { ClusterZone = _ => new MadeZone(zone) });

        Assert.Equal("10.96.0.1", (await server.AskAsync("kubernetes.default.svc.cluster.local")).Answers[0].FormatData());
        var asked = server.AskAsync("www.google.com");
        upstream.Answer(await upstream.ReceiveAsync(Ct), 60, "192.0.2.1");
        Assert.Equal("192.0.2.1", (await asked).Answers[0].FormatData());
        Assert.Contains("[WARNING] Corefile:6: 'upstream' inside kubernetes was removed in CoreDNS 1.7.0; ignored", server.Log.ToString(), StringComparison.Ordinal);
        Assert.Contains("[WARNING] Corefile:10: 'proxy' was removed in CoreDNS 1.5.0; read as 'forward . ", server.Log.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Asks as fast as it can; every question must be answered.</summary>
    private static async Task<int> StormAsync(RunningServer server, TaskCompletionSource begun, CancellationToken stop)
    {
        var count = 0;
        while (!stop.IsCancellationRequested)
        {
            Assert.Single((await server.Client.QueryAsync("m", RecordType.A, CancellationToken.None)).Answers);
            count++;
            begun.TrySetResult();
        }

        return count;
    }

    /// <summary>Waits for another thread to have done its part; the query in the condition is the pause.</summary>
    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            Ct.ThrowIfCancellationRequested();
        }
    }
}
