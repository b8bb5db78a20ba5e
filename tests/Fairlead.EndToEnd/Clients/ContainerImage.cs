using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Fairlead.EndToEnd.Clients;

/// <summary>An image of busybox that sleeps, as an archive that every runtime loads; made here, since a test has no registry.</summary>
internal static class ContainerImage
{
    public const string Name = "localhost/busybox:test";

    private const string Busybox = "/bin/busybox";
    private const UnixFileMode Everything = (UnixFileMode)0b111_101_101;
    private static readonly string[] s_applets = ["cat", "httpd", "ip", "ls", "nc", "nslookup", "ping", "sh", "sleep", "wget"];

    public static void Write(string path)
    {
        var layer = Layer();
        var config = new JsonObject
        {
            ["architecture"] = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Cmd"] = new JsonArray("/bin/sleep", "1000000"), ["Env"] = new JsonArray("PATH=/bin") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray($"sha256:{Convert.ToHexStringLower(SHA256.HashData(layer))}") },
        };
        var manifest = new JsonArray(new JsonObject
        {
            ["Config"] = "config.json",
            ["RepoTags"] = new JsonArray(Name),
            ["Layers"] = new JsonArray("layer.tar"),
        });
        using var archive = new TarWriter(File.Create(path), TarEntryFormat.Ustar);
        Add(archive, "layer.tar", layer);
        Add(archive, "config.json", Encoding.UTF8.GetBytes(config.ToJsonString()));
        Add(archive, "manifest.json", Encoding.UTF8.GetBytes(manifest.ToJsonString()));
    }

    private static byte[] Layer()
    {
        Assert.SkipUnless(File.Exists(Busybox), $"needs {Busybox}");
        var bytes = new MemoryStream();
        using (var layer = new TarWriter(bytes, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var folder in (string[])["bin", "dev", "etc", "proc", "root", "sys", "tmp"])
            {
                layer.WriteEntry(new UstarTarEntry(TarEntryType.Directory, folder) { Mode = Everything });
            }

            Add(layer, "bin/busybox", File.ReadAllBytes(Busybox));
            foreach (var applet in s_applets)
            {
                layer.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox" });
            }
        }

        return bytes.ToArray();
    }

    private static void Add(TarWriter archive, string name, byte[] content)
        => archive.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { Mode = Everything, DataStream = new MemoryStream(content) });
}
