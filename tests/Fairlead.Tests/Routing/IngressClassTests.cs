using Fairlead.Core.Routing;

namespace Fairlead.Tests.Routing;

public sealed class IngressClassTests
{
    private const string Nginx = "{name: nginx}: k8s.io/ingress-nginx";
    private const string DefaultNginx = "{name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}}: k8s.io/ingress-nginx";
    private const string Other = "{name: other}: example.com/other";
    private const string DefaultOther = "{name: other, annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}}: example.com/other";
    private const string Own = "{name: own}: fairlead.dev/ingress";

    public static TheoryData<string, string[], string?, string?, bool> Cases => new()
    {
        { "a class of ingress-nginx is ours", [Nginx], "nginx", null, true },
        { "a class of our own is ours", [Own], "own", null, true },
        { "a class of another controller is not", [Nginx, Other], "other", null, false },
        { "a class that does not exist is nobody's", [], "nginx", null, false },
        { "no class goes to the default class", [DefaultNginx], null, null, true },
        { "no class goes to nobody without a default class", [Nginx], null, null, false },
        { "no class does not go to another's default class", [Nginx, DefaultOther], null, null, false },
        { "the old annotation is served", [], null, "nginx", true },
        { "the old annotation of another is not", [], null, "traefik", false },
        { "the old annotation wins over the default class", [DefaultNginx], null, "traefik", false },
        { "the class wins over the old annotation", [Nginx], "nginx", "traefik", true },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Decides_whose_an_ingress_is(string because, string[] classes, string? name, string? annotation, bool ours)
    {
        var cluster = new Cluster();
        foreach (var text in classes)
        {
            var split = text.LastIndexOf(": ", StringComparison.Ordinal);
            cluster.Add($"apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {text[..split]}\nspec: {{controller: {text[(split + 2)..]}}}");
        }

        var ingress = Cluster.Rules("a", "x.io/ web:80");
        ingress = name is null ? ingress : ingress.Replace("spec:", $"spec:\n  ingressClassName: {name}", StringComparison.Ordinal);
        ingress = annotation is null ? ingress : ingress.Replace("metadata:", $"metadata:\n  annotations: {{kubernetes.io/ingress.class: {annotation}}}", StringComparison.Ordinal);

        Assert.True(cluster.Add(ingress).Compile().Ingresses.Length == (ours ? 1 : 0), because);
    }

    [Fact]
    public void Of_several_default_classes_the_newest_counts()
    {
        var cluster = new Cluster();
        cluster.Add(Class("nginx", "2026-01-01T00:00:00Z", "k8s.io/ingress-nginx")).Add(Class("other", "2026-01-02T00:00:00Z", "example.com/other"));
        cluster.Add(Cluster.Rules("a", "x.io/ web:80"));

        Assert.Empty(cluster.Compile().Ingresses);

        static string Class(string name, string created, string controller) => $"""
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata:
              name: {name}
              creationTimestamp: "{created}"
              annotations:
                ingressclass.kubernetes.io/is-default-class: "true"
            spec:
              controller: {controller}
            """;
    }

    [Fact]
    public void A_missing_class_that_bears_our_name_is_told()
    {
        var cluster = new Cluster().Add(Cluster.Rules("a", "x.io/ web:80").Replace("spec:", "spec:\n  ingressClassName: nginx", StringComparison.Ordinal));

        Assert.Equal("IngressClassNotFound", Assert.Single(cluster.Compile().Diagnostics).Reason);
    }

    [Fact]
    public void Ingresses_without_a_class_are_served_if_the_flag_says_so()
    {
        var cluster = new Cluster { Settings = new RoutingSettings { WatchWithoutClass = true } };

        Assert.Single(cluster.Add(Cluster.Rules("a", "x.io/ web:80")).Compile().Ingresses);
    }
}
