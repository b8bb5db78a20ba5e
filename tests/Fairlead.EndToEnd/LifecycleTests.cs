using System.Globalization;
using System.Text.Json;
using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd;

/// <summary>Labs that come and go: by request, by kill, two at a time.</summary>
public sealed class LifecycleTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Down_leaves_nothing_behind()
    {
        await using var host = new TestHost();
        var linksBefore = (await host.Sh("ip -o link; ip route; ip rule")).Ok();
        (await host.Sh($"fairlead up --name {host.Lab}")).Ok();
        (await host.Sh("kubectl apply -f examples/online-store/")).Ok();
        (await host.Sh("kubectl -n app-space rollout status deployment --timeout=60s")).Ok();
        Assert.NotEmpty(NetworkNamespace.List().Where(n => n.StartsWith($"fairlead.{host.Lab}.", StringComparison.Ordinal)));

        (await host.Sh($"fairlead down --name {host.Lab}")).Ok();

        Assert.DoesNotContain(NetworkNamespace.List(), n => n.Contains(host.Lab, StringComparison.Ordinal) && n != host.Namespace.Name);
        Assert.Equal(linksBefore, (await host.Sh("ip -o link; ip route; ip rule")).Ok());
        Assert.False(Directory.Exists(host.LabFolder(host.Lab)));
        var mounts = await File.ReadAllTextAsync("/proc/self/mountinfo", Ct);
        Assert.DoesNotContain(host.Home, mounts, StringComparison.Ordinal);
        Assert.DoesNotContain($"fairlead.{host.Lab}.", mounts, StringComparison.Ordinal);
        Assert.Empty(ProcessesOf(host));
        Assert.Contains("no lab", (await host.Sh($"fairlead down --name {host.Lab}")).Ok(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_lab_is_cleaned_and_its_objects_come_back()
    {
        await using var host = new TestHost();
        var first = Json(await host.Sh($"fairlead up --name {host.Lab} -o json"));
        (await host.Sh("kubectl create cm kept --from-literal=a=b")).Ok();
        (await host.Sh("kubectl create deploy web --image=fairlead/http")).Ok();
        (await host.Sh("kubectl rollout status deploy/web --timeout=60s")).Ok();
        (await host.Sh(string.Create(CultureInfo.InvariantCulture, $"kill -9 {first.GetProperty("processId").GetInt32()}"))).Ok();
        Assert.Contains("dead", (await host.Sh($"fairlead status --name {host.Lab} -o json")).Text, StringComparison.Ordinal);

        var again = await host.Sh($"fairlead up --name {host.Lab}");

        Assert.Contains("killed", again.Ok() + again.Error, StringComparison.Ordinal);
        (await host.Sh("kubectl get cm kept")).Ok();
        (await host.Sh("kubectl rollout status deploy/web --timeout=60s")).Ok();
        Assert.Contains("200", (await host.Sh("kubectl create svc nodeport web --tcp=80:8080 --node-port=30123 && curl -sS --max-time 10 --retry 5 --retry-all-errors -o /dev/null -w '%{http_code}' http://127.0.0.1:30123/")).Ok(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_twice_is_up_once()
    {
        await using var host = new TestHost();
        var first = Json(await host.Sh($"fairlead up --name {host.Lab} --nodes 1 -o json"));

        var second = Json(await host.Sh($"fairlead up --name {host.Lab} --nodes 1 -o json"));

        Assert.Equal(first.GetProperty("processId").GetInt32(), second.GetProperty("processId").GetInt32());
    }

    [Fact]
    public async Task Two_labs_run_side_by_side_on_one_host()
    {
        await using var host = new TestHost();
        string a = host.Lab + "a", b = host.Lab + "b";
        var one = Json(await host.Sh($"fairlead up --name {a} --nodes 2 -o json"));
        var two = Json(await host.Sh($"fairlead up --name {b} --nodes 2 -o json"));

        Assert.NotEqual(one.GetProperty("apiServer").GetString(), two.GetProperty("apiServer").GetString());
        foreach (var (name, status) in new[] { (a, one), (b, two) })
        {
            var node = status.GetProperty("nodes")[0].GetProperty("address").GetString();
            Assert.Equal("404", (await host.Sh($"curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' http://{node}:30080/")).Ok());
            Assert.Contains("node2", (await host.Sh($"KUBECONFIG={host.KubeConfig(name)} kubectl get nodes")).Ok(), StringComparison.Ordinal);
        }

        (await host.Sh($"fairlead down --name {a}")).Ok();
        (await host.Sh($"KUBECONFIG={host.KubeConfig(b)} kubectl get nodes")).Ok();
        (await host.Sh("fairlead down --all")).Ok();
        Assert.Empty(ProcessesOf(host));
    }

    [Fact]
    public async Task In_the_foreground_it_ends_with_a_signal_and_cleans_up()
    {
        await using var host = new TestHost();
        using var lab = host.Start($"exec fairlead up --foreground --name {host.Lab} --nodes 1");
        string? line;
        while ((line = await lab.StandardOutput.ReadLineAsync(Ct)) is not null && !line.StartsWith("export KUBECONFIG=", StringComparison.Ordinal))
        {
        }

        Assert.NotNull(line);
        (await host.Sh(string.Create(CultureInfo.InvariantCulture, $"kill -INT {lab.Id}"))).Ok();
        await lab.WaitForExitAsync(Ct);

        Assert.Equal(0, lab.ExitCode);
        Assert.Empty(ProcessesOf(host));
    }

    [Fact]
    public async Task Cleanup_removes_labs_and_an_agent_s_work_and_nothing_else()
    {
        await using var host = new TestHost();
        (await host.Sh("nft add table inet somebody; ip link add theirs type dummy || ip link add theirs type veth peer name others")).Ok();
        (await host.Sh("nft add table ip fairlead-masquerade")).Ok();
        (await host.Sh($"fairlead up --name {host.Lab} --nodes 1")).Ok();

        (await host.Sh("fairlead cleanup")).Ok();

        Assert.False(Directory.Exists(host.LabFolder(host.Lab)));
        Assert.Equal("table inet somebody\n", (await host.Sh("nft list tables")).Ok());
        Assert.Contains("theirs", (await host.Sh("ip -o link")).Ok(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_programs_may_be_on_another_file_system_than_the_root()
    {
        await using var host = new TestHost();
        var disk = Path.Combine(host.Home, "disk");
        var program = Path.Combine(Repository.Root, "artifacts", "fairlead", "current");

        // In a mount namespace of its own, so that the disk goes with the shell.
        var said = (await host.Sh($"unshare -m --propagation slave sh -c 'mkdir {disk} && mount -t tmpfs none {disk} && cp -a {program}/. {disk}/ && {disk}/fairlead up --name {host.Lab} --nodes 1; {disk}/fairlead down --name {host.Lab}'")).Ok();

        Assert.Contains("is down", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_API_server_runs_alone()
    {
        await using var host = new TestHost();
        using var server = host.Start("exec fairlead apiserver --listen 127.0.0.1:7443 --kubeconfig $HOME/alone");
        string? line;
        while ((line = await server.StandardOutput.ReadLineAsync(Ct)) is not null && !line.Contains("Serving on", StringComparison.Ordinal))
        {
        }

        Assert.Contains("kube-system", (await host.Sh("KUBECONFIG=$HOME/alone kubectl get ns")).Ok(), StringComparison.Ordinal);
        (await host.Sh(string.Create(CultureInfo.InvariantCulture, $"kill -TERM {server.Id}"))).Ok();
        await server.WaitForExitAsync(Ct);
        Assert.Equal(0, server.ExitCode);
    }

    [Fact]
    public async Task It_needs_no_tools_of_the_host()
    {
        await using var host = new TestHost();
        var tools = Directory.CreateDirectory(Path.Combine(host.Home, "bin")).FullName;
        foreach (var tool in new[] { "kubectl", "sh", "sleep" })
        {
            var found = (await host.Sh($"command -v {tool}")).Ok().Trim();
            File.CreateSymbolicLink(Path.Combine(tools, tool), found);
        }

        var program = Path.Combine(Repository.Root, "artifacts", "fairlead", "current", "fairlead");
        (await host.Sh($"PATH={tools} DOTNET_ROOT=$(dirname $(readlink -f $(command -v dotnet))) {program} up --name {host.Lab} --nodes 2")).Ok();
        Assert.Contains("node2", (await host.Sh("kubectl get nodes")).Ok(), StringComparison.Ordinal);
    }

    private static JsonElement Json(Output output) => JsonDocument.Parse(output.Ok()).RootElement.Clone();

    /// <summary>Processes that still have the test host's folder in their command line.</summary>
    private static IEnumerable<string> ProcessesOf(TestHost host)
    {
        foreach (var process in Directory.GetDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            string text;
            try
            {
                text = File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
            }
            catch (IOException)
            {
                continue;   // it ended meanwhile
            }

            if (text.Contains(host.Home, StringComparison.Ordinal) || text.Contains($"--name={host.Lab} ", StringComparison.Ordinal))
            {
                yield return text;
            }
        }
    }
}
