using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Proxy.HealthChecks;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Proxy;

/// <summary>The answers of /healthz and /livez, as kube-proxy gives them.</summary>
public sealed class ProxyHealthTests
{
    private readonly ManualTime _time = new();
    private readonly ProxyHealth _health;

    public ProxyHealthTests() => _health = new ProxyHealth(_time);

    [Fact]
    public void Before_the_kernel_was_written_once_it_is_not_alive()
        => Assert.Equal((503, 503), (_health.Healthz().Status, _health.Livez().Status));

    [Fact]
    public void Up_to_date_it_stays_healthy_however_long_nothing_happens()
    {
        _health.Queued();
        _health.Updated();
        _time.Advance(TimeSpan.FromHours(3));

        Assert.Equal((200, 200), (_health.Healthz().Status, _health.Livez().Status));
    }

    [Fact]
    public void Behind_for_a_minute_it_is_no_longer_healthy_however_much_news_comes()
    {
        _health.Updated();
        _health.Queued();
        _time.Advance(TimeSpan.FromSeconds(59));
        _health.Queued();
        Assert.Equal(200, _health.Livez().Status);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((503, 503), (_health.Healthz().Status, _health.Livez().Status));
        _health.Updated();
        Assert.Equal(200, _health.Healthz().Status);
    }

    [Fact]
    public void A_node_that_is_about_to_go_is_drained_but_alive()
    {
        _health.Updated();
        _health.Observe(new Node { Spec = new() { Taints = [new Taint { Key = "ToBeDeletedByClusterAutoscaler" }] } });

        Assert.Equal((503, 200), (_health.Healthz().Status, _health.Livez().Status));
        Assert.False((bool)JsonNode.Parse(_health.Healthz().Body)!["nodeEligible"]!);
        Assert.Null(JsonNode.Parse(_health.Livez().Body)!["nodeEligible"]);
        _health.Observe(new Node());
        Assert.Equal(200, _health.Healthz().Status);
    }
}
