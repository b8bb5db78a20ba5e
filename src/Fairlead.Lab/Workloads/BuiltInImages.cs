using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Fairlead.Lab.Workloads;

/// <summary>The images that the lab runs without a registry.</summary>
public static class BuiltInImages
{
    // A pod's process is one of dozens on a small machine: no background collector, a young generation of a few megabytes whatever the
    // cache is, no bookkeeping for optimising what is hardly used, no diagnostics socket. What it takes: docs/workloads.md.
    private static readonly ImmutableArray<KeyValuePair<string, string>> s_small =
    [
        new("DOTNET_gcConcurrent", "0"),
        new("DOTNET_GCgen0size", "0x200000"),
        new("DOTNET_TieredPGO", "0"),
        new("DOTNET_EnableDiagnostics", "0"),
    ];

    // What runs for as long as the lab does keeps its collector as it is, but in a lab nothing is hot for long, and the counters of a
    // profile cost time at the start, when everything starts at once.
    private static readonly ImmutableArray<KeyValuePair<string, string>> s_quick = [new("DOTNET_TieredPGO", "0"), new("DOTNET_EnableDiagnostics", "0")];

    // $0 names the program in messages; the words after it are the container's args.
    private const string ShellLoop =
        """
        trap 'exit 0' TERM INT
        if [ "$#" -gt 0 ]; then
          while :; do sh -c "$*"; sleep "${INTERVAL:-1}" & wait $!; done
        fi
        echo "$0: nothing to run, sleeping; give args to run them every ${INTERVAL:-1} s, or use: kubectl exec"
        while :; do sleep 3600 & wait $!; done
        """;

    /// <summary>Every image, by name.</summary>
    public static readonly ImmutableArray<BuiltInImage> All =
    [
        new()
        {
            Name = "fairlead/dns",
            Description = "the cluster DNS server; reads /etc/coredns/Corefile",
            Entrypoint = ["dns"],
            DefaultArguments = ["-conf", "/etc/coredns/Corefile"],
            Environment = s_quick,
        },
        new()
        {
            Name = "fairlead/http",
            Description = "an HTTP server: echoes requests; --text TEXT answers TEXT at /, --root DIR serves files; port 8080 or $PORT",
            Entrypoint = ["workload", "http"],
            Environment = s_small,
        },
        new()
        {
            Name = "fairlead/ingress",
            Description = "the ingress controller; takes ingress-nginx's flags",
            Entrypoint = ["ingress"],
            Environment = s_quick,
        },
        new()
        {
            Name = "fairlead/shell",
            Description = "runs its args as a shell command every $INTERVAL seconds (default 1); without args it sleeps",
            Entrypoint = ["/bin/sh", "-c", ShellLoop, "fairlead/shell"],
            OfHost = true,
        },
    ];

    /// <summary>Finds the image of a container; a tag, a digest and the registry names that container runtimes add are ignored.</summary>
    public static bool TryResolve(string image, [NotNullWhen(true)] out BuiltInImage? found)
    {
        var name = Repository(image);
        found = All.FirstOrDefault(i => string.Equals(i.Name, name, StringComparison.Ordinal));
        return found is not null;
    }

    /// <summary>What the lab can run, for the message of <c>ErrImagePull</c>.</summary>
    public static string Describe()
    {
        var text = new StringBuilder("the lab has no registry; it runs its built-in images ");
        text.AppendJoin(", ", All.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i.Name} ({i.Description})")));
        return text.Append(", and any program of this machine when the container has a command").ToString();
    }

    /// <summary>The image name without digest, tag and default registry. A colon before the last slash is a registry's port.</summary>
    private static string Repository(string image)
    {
        var name = image.AsSpan().Trim();
        if (name.IndexOf('@') is var digest and >= 0)
        {
            name = name[..digest];
        }

        var slash = name.LastIndexOf('/');
        if (name[(slash + 1)..].IndexOf(':') is var tag and >= 0)
        {
            name = name[..(slash + 1 + tag)];
        }

        foreach (var registry in (ReadOnlySpan<string>)["docker.io/", "localhost/"])
        {
            if (name.StartsWith(registry, StringComparison.Ordinal))
            {
                name = name[registry.Length..];
            }
        }

        return name.ToString();
    }
}
