using Fairlead.Lab.Workloads;

namespace Fairlead.Tests.Workloads;

public sealed class BuiltInImagesTests
{
    [Theory]
    [InlineData("fairlead/http")]
    [InlineData("fairlead/http:latest")]
    [InlineData("fairlead/http:1.2.3")]
    [InlineData("docker.io/fairlead/http:latest")]
    [InlineData("fairlead/http@sha256:0000")]
    [InlineData(" fairlead/http ")]
    public void Are_found_under_the_names_that_people_write(string image)
    {
        Assert.True(BuiltInImages.TryResolve(image, out var found));
        Assert.Equal("fairlead/http", found.Name);
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("fairlead/https")]
    [InlineData("fairlead/http/x")]
    [InlineData("registry:5000/fairlead/http")]
    [InlineData("")]
    public void Others_are_not(string image) => Assert.False(BuiltInImages.TryResolve(image, out _));

    [Fact]
    public void The_message_names_all_of_them()
        => Assert.All(BuiltInImages.All, i => Assert.Contains(i.Name, BuiltInImages.Describe(), StringComparison.Ordinal));

    [Fact]
    public void Args_replace_the_default_ones()
    {
        Assert.True(BuiltInImages.TryResolve("fairlead/dns", out var dns));

        Assert.Equal(["/bin/fairlead", "dns", "-conf", "/etc/coredns/Corefile"], dns.CommandLine(["/bin/fairlead"], null));
        Assert.Equal(["dotnet", "fairlead.dll", "dns", "-conf", "X"], dns.CommandLine(["dotnet", "fairlead.dll"], ["-conf", "X"]));
    }

    [Fact]
    public void The_shell_is_the_hosts_own()
    {
        Assert.True(BuiltInImages.TryResolve("fairlead/shell", out var shell));

        Assert.Equal("/bin/sh", shell.CommandLine(["/bin/fairlead"], ["date"])[0]);
        Assert.Equal("date", shell.CommandLine(["/bin/fairlead"], ["date"])[^1]);
    }
}
