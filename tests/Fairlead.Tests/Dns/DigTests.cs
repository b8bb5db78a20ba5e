using System.Diagnostics;

namespace Fairlead.Tests.Dns;

/// <summary>A client that is not ours: Debian's <c>dig</c>.</summary>
public sealed class DigTests
{
    private const string Corefile = ". {\n hosts /dev/null {\n 192.168.1.10 web.example\n fallthrough\n }\n kubernetes cluster.local in-addr.arpa\n}\n";

    [Theory]
    [InlineData("+short A web.example", "192.168.1.10")]
    [InlineData("+short +tcp A web.example", "192.168.1.10")]
    [InlineData("+short A WEB.shop.svc.CLUSTER.local", "10.96.0.7")]
    [InlineData("+short SRV _https._tcp.kubernetes.default.svc.cluster.local", "0 100 443 kubernetes.default.svc.cluster.local.")]
    [InlineData("+short -x 10.96.0.1", "kubernetes.default.svc.cluster.local.")]
    [InlineData("+short TXT dns-version.cluster.local", "\"1.1.0\"")]
    [InlineData("+noall +comments +noedns A no.shop.svc.cluster.local", "NXDOMAIN")]
    [InlineData("+noall +comments +ednsopt=10:0102030405060708 A web.example", "udp: 1232")]
    [InlineData("+noall +comments +edns=1 +noednsneg A web.example", "BADVERS")]
    [InlineData("+noall +comments +opcode=notify A web.example", "NOTIMP")]
    public async Task Dig_understands_us(string question, string expected)
    {
        var zone = KubernetesPluginTests.Snapshot(KubernetesPluginTests.Settings(Fairlead.Dns.Plugins.Kubernetes.PodMode.Disabled));
        await using var server = await RunningServer.StartAsync(Corefile, new() { ClusterZone = _ => new MadeZone(zone) });

        var output = await RunAsync(Dig(), $"@127.0.0.1 -p {server.EndPoint.Port} +tries=1 +time=5 {question}");

        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.DoesNotContain("WARNING: Message parser", output, StringComparison.Ordinal);
    }

    /// <summary>The program; as root it is installed when it is missing, so that nothing is left out silently.</summary>
    private static string Dig()
    {
        if (!File.Exists("/usr/bin/dig"))
        {
            Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs dig (Debian: dnsutils), and root to install it");
            using var install = Process.Start("flock", "/tmp/fairlead-tests-apt.lock apt-get install -y -q dnsutils");
            install.WaitForExit();
        }

        return "/usr/bin/dig";
    }

    private static async Task<string> RunAsync(string program, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output;
    }
}
