using System.Collections.Immutable;
using System.Text;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Tests.Pods;

public sealed class ContainerEnvironmentTests
{
    private static readonly PodAddresses s_addresses = new("198.19.0.2", ["10.32.0.7"]);
    private static readonly Dictionary<string, string> s_node = new() { ["cpu"] = "2", ["memory"] = "1024Mi" };

    private static readonly Pod s_pod = new()
    {
        Metadata = new ObjectMeta { Name = "web-1", Namespace = "shop", Uid = "u1", Labels = EquatableMap.Of(("app", "web")) },
        Spec = new PodSpec { NodeName = "node1" },
    };

    [Fact]
    public void Services_are_under_everything_and_the_pods_own_variables_on_top()
    {
        var env = Compile(new Container
        {
            EnvFrom = [new EnvFromSource { Prefix = "C_", ConfigMapRef = new OptionalReference { Name = "settings" } }],
            Env = [new EnvVar { Name = "A", Value = "1" }, new EnvVar { Name = "B", Value = "$(A)2 $(WEB_SERVICE_HOST) $(LATER)" }, new EnvVar { Name = "LATER", Value = "x" }],
        });

        Assert.Equal("10.96.0.1", env.Variables["KUBERNETES_SERVICE_HOST"]);
        Assert.Equal("443", env.Variables["KUBERNETES_SERVICE_PORT_HTTPS"]);
        Assert.Equal("tcp://10.96.7.7:80", env.Variables["WEB_PORT_80_TCP"]);
        Assert.Equal("blue", env.Variables["C_colour"]);
        Assert.Equal("12 10.96.7.7 $(LATER)", env.Variables["B"]);
        Assert.False(env.Variables.ContainsKey("OTHER_SERVICE_HOST"));
    }

    [Fact]
    public void Without_service_links_only_the_api_server_is_named()
    {
        var env = ContainerEnvironment.Compile(
            s_pod with { Spec = s_pod.Spec with { EnableServiceLinks = false } }, new Container(), Inputs(), s_addresses, s_node).Value!;

        Assert.True(env.Variables.ContainsKey("KUBERNETES_SERVICE_HOST"));
        Assert.False(env.Variables.ContainsKey("WEB_SERVICE_HOST"));
    }

    [Fact]
    public void Fields_and_resources_are_filled_in()
    {
        var env = Compile(new Container
        {
            Resources = new ResourceRequirements { Limits = EquatableMap.Of(("memory", "64Mi")), Requests = EquatableMap.Of(("cpu", "250m")) },
            Env =
            [
                Field("IP", "status.podIP"), Field("NODE", "spec.nodeName"), Field("APP", "metadata.labels['app']"),
                Resource("MEM", "limits.memory", "1Mi"), Resource("CPU", "requests.cpu", null), Resource("NODECPU", "limits.cpu", null),
            ],
            Command = ["run", "$(IP):$(PORT)"],
            Args = ["--app=$(APP)"],
        });

        Assert.Equal(["10.32.0.7", "node1", "web", "64", "1", "2"], ((string[])["IP", "NODE", "APP", "MEM", "CPU", "NODECPU"]).Select(n => env.Variables[n]));
        Assert.Equal(["run", "10.32.0.7:$(PORT)"], env.Command);
        Assert.Equal(["--app=web"], env.Args);
    }

    public static TheoryData<string, EnvVarSource, string> Faults => new()
    {
        { "a ConfigMap that is not there", new() { ConfigMapKeyRef = new KeySelector { Name = "none", Key = "k" } }, "configmap \"none\" not found" },
        { "a key that is not in it", new() { ConfigMapKeyRef = new KeySelector { Name = "settings", Key = "k" } }, "couldn't find key k in ConfigMap shop/settings" },
        { "a Secret that is not there", new() { SecretKeyRef = new KeySelector { Name = "none", Key = "k" } }, "secret \"none\" not found" },
        { "a field that is none", new() { FieldRef = new ObjectFieldSelector { FieldPath = "spec.nothing" } }, "unsupported fieldPath: spec.nothing" },
    };

    [Theory, MemberData(nameof(Faults))]
    public void A_missing_source_is_a_fault_in_kubelets_words(string because, EnvVarSource source, string fault)
    {
        var container = new Container { Env = [new EnvVar { Name = "X", ValueFrom = source }] };

        var outcome = ContainerEnvironment.Compile(s_pod, container, Inputs(), s_addresses, s_node);

        Assert.True(fault == outcome.Fault, because);
    }

    [Fact]
    public void An_optional_source_that_is_missing_sets_nothing()
    {
        var env = Compile(new Container
        {
            Env = [new EnvVar { Name = "X", ValueFrom = new EnvVarSource { SecretKeyRef = new KeySelector { Name = "none", Key = "k", Optional = true } } }],
            EnvFrom = [new EnvFromSource { SecretRef = new OptionalReference { Name = "none", Optional = true } }],
        });

        Assert.False(env.Variables.ContainsKey("X"));
    }

    [Fact]
    public void Secrets_are_decoded()
    {
        var env = Compile(new Container { Env = [new EnvVar { Name = "X", ValueFrom = new EnvVarSource { SecretKeyRef = new KeySelector { Name = "key", Key = "password" } } }] });

        Assert.Equal("hunter2", env.Variables["X"]);
    }

    [Theory]
    [InlineData("250m", "1", "1")]
    [InlineData("250m", "1m", "250")]
    [InlineData("64Mi", "1Mi", "64")]
    [InlineData("1500M", "1Gi", "2")]
    [InlineData("1e3", null, "1000")]
    public void Amounts_divide_rounding_up(string amount, string? divisor, string expected) => Assert.Equal(expected, Quantity.Divide(amount, divisor));

    private static ContainerEnvironment Compile(Container container)
    {
        var outcome = ContainerEnvironment.Compile(s_pod, container, Inputs(), s_addresses, s_node);
        Assert.Null(outcome.Fault);
        return outcome.Value!;
    }

    private static PodInputs Inputs()
    {
        Service[] services =
        [
            Service("default", "kubernetes", "10.96.0.1", new ServicePort { Name = "https", Port = 443 }),
            Service("shop", "web", "10.96.7.7", new ServicePort { Port = 80 }),
            Service("shop", "headless", "None", new ServicePort { Port = 80 }),
            Service("elsewhere", "other", "10.96.8.8", new ServicePort { Port = 80 }),
        ];
        var map = new ConfigMap { Metadata = new ObjectMeta { Name = "settings", Namespace = "shop" }, Data = EquatableMap.Of(("colour", "blue")) };
        var secret = new Secret
        {
            Metadata = new ObjectMeta { Name = "key", Namespace = "shop" },
            Data = EquatableMap.Of(("password", Convert.ToBase64String(Encoding.UTF8.GetBytes("hunter2")))),
        };
        return new PodInputs(
            services.ToImmutableDictionary(s => s.Key), ImmutableDictionary<ObjectKey, ConfigMap>.Empty.Add(map.Key, map),
            ImmutableDictionary<ObjectKey, Secret>.Empty.Add(secret.Key, secret));
    }

    private static Service Service(string ns, string name, string ip, ServicePort port)
        => new() { Metadata = new ObjectMeta { Name = name, Namespace = ns }, Spec = new ServiceSpec { ClusterIP = ip, Ports = [port] } };

    private static EnvVar Field(string name, string path)
        => new() { Name = name, ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = path } } };

    private static EnvVar Resource(string name, string resource, string? divisor)
        => new() { Name = name, ValueFrom = new EnvVarSource { ResourceFieldRef = new ResourceFieldSelector { Resource = resource, Divisor = divisor } } };
}
