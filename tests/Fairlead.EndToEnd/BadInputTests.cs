using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd;

/// <summary>What can be wrong with a request for a lab: one clear message with the remedy, a code that is not 0, and nothing left.</summary>
public sealed class BadInputTests
{
    private const string Kubectl = "mkdir -p $HOME/none && PATH=$HOME/none";

    public static TheoryData<string, string, string> Cases => new()
    {
        { "ranges overlap", "fairlead up --name LAB --pod-cidr 10.96.0.0/16", "overlap" },
        { "a range with host bits", "fairlead up --name LAB --service-cidr 10.96.0.1/12", "host bits" },
        { "no such number of nodes", "fairlead up --name LAB --nodes 0", "--nodes 0" },
        { "a name that is a path", "fairlead up --name ../LAB", "--name" },
        { "no such manifest", "fairlead up --name LAB -f /no/such/file.yaml", "/no/such/file.yaml" },
        { "a manifest that is not YAML", "printf 'kind: [' > $HOME/broken.yaml; fairlead up --name LAB -f $HOME/broken.yaml", "broken.yaml" },
        { "a manifest that the API refuses", "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: c}\\nspec: {}\\n' > $HOME/wrong.yaml; fairlead up --name LAB -f $HOME/wrong.yaml", "unknown field \"spec\"" },
        { "a port in use", "exec 3<>/dev/null; fairlead up --name LAB --api-port PORT", "PORT" },
        { "not root", "cp -rL $(dirname $PROGRAM) $HOME/readable && chmod 755 $HOME && setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp XDG_STATE_HOME= $HOME/readable/fairlead up --name LAB", "root" },
        { "no kubectl", Kubectl + " $PROGRAM up --name LAB", "kubectl" },
    };

    [Theory, MemberData(nameof(Cases))]
    public async Task Is_told_with_the_remedy_and_leaves_nothing(string because, string commandLine, string expected)
    {
        await using var host = new TestHost();
        using var taken = OneShotServer.Listen(host.Namespace, "127.0.0.1");
        var port = taken.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        host.SetVariable("PROGRAM", Path.Combine(Repository.Root, "artifacts", "fairlead", "current", "fairlead"));
        host.SetVariable("DOTNET_ROOT", Path.GetDirectoryName(Environment.ProcessPath is { } p && p.EndsWith("dotnet", StringComparison.Ordinal) ? p : "/usr/share/dotnet/dotnet"));

        var answer = await host.Sh(commandLine.Replace("LAB", host.Lab, StringComparison.Ordinal).Replace("PORT", port, StringComparison.Ordinal));

        Assert.True(answer.ExitCode is 1 or 2, $"{because}: {answer}");
        Assert.Contains(expected.Replace("PORT", port, StringComparison.Ordinal), answer.Error, StringComparison.Ordinal);
        Assert.Contains("try:", answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", answer.Error, StringComparison.Ordinal);   // no stack trace
        Assert.DoesNotContain(NetworkNamespace.List(), n => n.StartsWith($"fairlead.{host.Lab}.", StringComparison.Ordinal));
        Assert.False(Directory.Exists(host.LabFolder(host.Lab)), because);
    }

    [Theory]
    [InlineData("fairlead up --nodes many", 2)]
    [InlineData("fairlead up --no-such-option", 2)]
    [InlineData("fairlead no-such-command", 2)]
    [InlineData("fairlead up -o xml", 2)]
    [InlineData("fairlead status --name never-made", 1)]
    public async Task Wrong_usage_has_its_own_exit_code(string commandLine, int code)
    {
        await using var host = new TestHost();

        Assert.Equal(code, (await host.Sh(commandLine)).ExitCode);
    }
}
