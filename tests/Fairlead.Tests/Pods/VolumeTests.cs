using System.Collections.Immutable;
using System.Text;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Files;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Tests.Pods;

public sealed class VolumeTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;

    private static readonly Pod s_pod = new()
    {
        Metadata = new ObjectMeta { Name = "web-1", Namespace = "shop", Labels = EquatableMap.Of(("app", "web")) },
        Spec = new PodSpec { Containers = [new Container { Name = "web" }] },
    };

    [Fact]
    public void A_ConfigMap_is_a_file_for_each_key_or_for_each_item()
    {
        var all = Compile(new Volume { Name = "v", ConfigMap = new ConfigMapVolume { Name = "settings" } });
        var some = Compile(new Volume
        {
            Name = "v",
            ConfigMap = new ConfigMapVolume { Name = "settings", Items = [new KeyToPath { Key = "b", Path = "sub/b.conf", Mode = 256 }] },
        });

        Assert.Equal(["a=1", "b=2"], all.Value!.Files.Select(Text));
        Assert.Equal(["sub/b.conf=2"], some.Value!.Files.Select(Text));
        Assert.Equal(UnixFileMode.UserRead, some.Value!.Files[0].Mode);
    }

    [Theory]
    [InlineData("../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("..data/x")]
    public void No_path_leads_out_of_the_volume(string path)
    {
        var outcome = Compile(new Volume { Name = "v", ConfigMap = new ConfigMapVolume { Name = "settings", Items = [new KeyToPath { Key = "a", Path = path }] } });

        Assert.StartsWith("MountVolume.SetUp failed for volume \"v\" : invalid path", outcome.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_said_in_kubelets_words_unless_it_is_optional()
    {
        Assert.Equal(
            "MountVolume.SetUp failed for volume \"v\" : configmap \"none\" not found",
            Compile(new Volume { Name = "v", ConfigMap = new ConfigMapVolume { Name = "none" } }).Fault);
        Assert.Empty(Compile(new Volume { Name = "v", Secret = new SecretVolume { SecretName = "none", Optional = true } }).Value!.Files);
    }

    [Fact]
    public void A_projected_volume_has_token_certificate_and_namespace()
    {
        var here = new DownwardApiFile { Path = "namespace", FieldRef = new ObjectFieldSelector { FieldPath = "metadata.namespace" } };
        var projected = new ProjectedVolume
        {
            Sources =
            [
                new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "token" } },
                new VolumeProjection { ConfigMap = new ConfigMapProjection { Name = VolumeFilesCompiler.RootCaConfigMap } },
                new VolumeProjection { DownwardAPI = new DownwardApiVolume { Items = [here] } },
            ],
        };

        var content = VolumeFilesCompiler.Compile(new Volume { Name = "v", Projected = projected }, s_pod, Sources(token: "t0ken")).Value!;

        Assert.Equal(["ca.crt=PEM", "namespace=shop", "token=t0ken"], content.Files.Select(Text));
    }

    [Fact]
    public void A_volume_changes_all_at_once()
    {
        var volume = Path.Combine(_folder, "v");
        AtomicFolder.Write(volume, [File("a", "1"), File("sub/b", "2")], s_now);
        using var open = System.IO.File.OpenText(Path.Combine(volume, "a"));
        var first = new FileInfo(Path.Combine(volume, "..data")).LinkTarget;

        AtomicFolder.Write(volume, [File("a", "9"), File("c", "3")], s_now);

        Assert.Equal("9", System.IO.File.ReadAllText(Path.Combine(volume, "a")));
        Assert.Equal("3", System.IO.File.ReadAllText(Path.Combine(volume, "c")));
        Assert.Equal("1", open.ReadToEnd());
        Assert.NotEqual(first, new FileInfo(Path.Combine(volume, "..data")).LinkTarget);
        Assert.Equal(["..data", "a", "c"], Directory.GetFileSystemEntries(volume).Select(e => Path.GetFileName(e)!).Where(e => !e.StartsWith("..2", StringComparison.Ordinal)).Order());
        Assert.Single(Directory.GetDirectories(volume, "..2*"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static VolumeFile File(string path, string text)
        => new(path, Encoding.UTF8.GetBytes(text), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

    private static string Text(VolumeFile file) => $"{file.Path}={Encoding.UTF8.GetString(file.Content.Span)}";

    private static Outcome<VolumeContent> Compile(Volume volume) => VolumeFilesCompiler.Compile(volume, s_pod, Sources(null));

    private static VolumeSources Sources(string? token)
    {
        var map = new ConfigMap { Metadata = new ObjectMeta { Name = "settings", Namespace = "shop" }, Data = EquatableMap.Of(("a", "1"), ("b", "2")) };
        var inputs = PodInputs.Empty with { ConfigMaps = ImmutableDictionary<ObjectKey, ConfigMap>.Empty.Add(map.Key, map) };
        return new VolumeSources(inputs, new PodAddresses("198.19.0.2", ["10.32.0.7"]), new Dictionary<string, string>(), _ => token, "PEM");
    }
}
