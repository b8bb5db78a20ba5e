using System.Collections.Immutable;
using System.Text;
using Fairlead.Cni.Launcher;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

public sealed class PodLaunchSpecTests
{
    [Fact]
    public void What_is_written_is_read_back()
    {
        var spec = new PodLaunchSpec
        {
            Command = ["sh", "-c", "echo \"ä\""],
            HostName = "wear-1",
            Environment = ImmutableDictionary<string, string>.Empty.Add("A", "1").Add("PATH", "/bin"),
            WorkingDirectory = "/data",
            UserId = 1000,
            GroupId = 1001,
            Groups = [7, 8],
            Capabilities = ["NET_BIND_SERVICE"],
            NoNewPrivileges = true,
            ReadOnlyRoot = true,
            Root = new PodRoot { Size = 1 << 20, Scratch = "/tmp", Hidden = ["/work"] },
            Mounts = [new PodMount { Source = "/a", Target = "/b", ReadOnly = true }, new PodMount { Type = PodMountType.Tmpfs, Target = "/c", Options = "size=1m" }],
        };

        var read = PodLaunchSpec.Parse(spec.ToJson());

        Assert.Equal(Encoding.UTF8.GetString(spec.ToJson()), Encoding.UTF8.GetString(read.ToJson()));
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var spec = PodLaunchSpec.Parse("""{"command":["true"]}"""u8);

        Assert.Equal(64L << 20, spec.Root.Size);
        Assert.Equal("/", spec.WorkingDirectory);
        Assert.Equal(Capabilities.Default, spec.Capabilities);
    }

    [Theory]
    [InlineData("""{"command":["true"],"mountz":[]}""", "mountz")]
    [InlineData("""{"command":["true"],"mounts":[{"source":"/a"}]}""", "mounts[0].target")]
    [InlineData("""{"command":["true"],"mounts":[{"target":"/a","type":"nfs"}]}""", "mounts[0].type")]
    [InlineData("""{"command":"true"}""", "command")]
    [InlineData("""{"command":["true"],"root":{"size":0}}""", "root.size")]
    public void A_fault_names_the_field(string json, string field)
        => Assert.StartsWith($"{field}:", Assert.Throws<CniException>(() => PodLaunchSpec.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    [Fact]
    public void Capabilities_are_known_with_and_without_their_prefix()
    {
        Assert.Equal(1UL << 10, Capabilities.Mask(["CAP_NET_BIND_SERVICE"]));
        Assert.Equal(1UL << 12, Capabilities.Mask(["net_admin"]));
        Assert.Equal(0x00000000a80425fbUL, Capabilities.Mask(Capabilities.Default)); // what `docker run` shows in /proc/self/status
        Assert.Throws<ArgumentException>(() => Capabilities.Mask(["FLY"]));
    }
}
