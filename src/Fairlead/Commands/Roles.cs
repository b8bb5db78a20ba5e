using Fairlead.CommandLine;
using Fairlead.Dns;
using Fairlead.Ingress;
using Fairlead.Lab.Workloads;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Commands;

/// <summary>The servers that read their command line themselves, in the form of the programs that they replace.</summary>
internal static class Roles
{
    public static IEnumerable<RoleCommand> All =>
    [
        new("dns", "The DNS server; takes CoreDNS's flags and any Corefile.", RunDns,
            ("fairlead dns -conf Corefile -dns.port 5353", "serve a Corefile on port 5353"),
            ("fairlead dns -plugins", "list the plugins, in the order a query meets them")) { WriteFlags = WriteDnsFlags },
        new("ingress", "The ingress controller; takes ingress-nginx's flags. Runs in a pod, or with --kubeconfig.", RunIngress,
            ("fairlead ingress --configmap=$(POD_NAMESPACE)/nginx-configuration", "as a Deployment's container starts it"),
            ("fairlead ingress --default-backend-service=app-space/default-http-backend", "with a Service for what nothing else matches")) { WriteFlags = WriteIngressFlags },
        new("workload", "The built-in programs of a lab's pods: http.", (words, ct) => WorkloadRole.RunAsync(words, Console.Out, Console.Error, ct),
            ("fairlead workload http --text wear --port 8080", "answer `wear` at /")) { WriteFlags = WriteWorkloadFlags },
    ];

    private static void WriteDnsFlags(TextWriter output) => output.Write("""
        Flags, as CoreDNS has them:
          -conf FILE       the Corefile [default: ./Corefile]
          -dns.port PORT   the port of server blocks that name none (also -p) [default: 53]
          -pidfile FILE    where to write the process's number
          -plugins         list the plugins and end
          -quiet           print neither zones nor version
          -version         print the version and end

        """);

    private static void WriteIngressFlags(TextWriter output)
        => IngressRole.MainAsync(["--help"], output, TextWriter.Null, NullLoggerFactory.Instance, CancellationToken.None).GetAwaiter().GetResult();

    private static void WriteWorkloadFlags(TextWriter output) => output.Write("""
        Flags of `workload http`; docs/workloads.md has more:
          --port PORT      [default: $PORT, else 8080]
          --text TEXT      answer TEXT at /, and 404 elsewhere [default: echo the request]
          --root DIR       serve the files of a folder
          --drain TIME     how long requests are still answered after the end was asked for [default: 2s]

        """);

    private static async Task<int> RunDns(IReadOnlyList<string> words, CancellationToken ct)
    {
        if (!DnsOptions.TryParse(words, new DnsOptions { Output = Console.Out }, out var options, out var error))
        {
            ErrorView.Write(Console.Error, error ?? "wrong usage", "fairlead dns --help");
            return ExitCode.WrongUsage;
        }

        return await DnsRole.RunAsync(options, ct);
    }

    private static async Task<int> RunIngress(IReadOnlyList<string> words, CancellationToken ct)
    {
        using var logging = RoleLogging.Create();
        return await IngressRole.MainAsync(words, Console.Out, Console.Error, logging, ct);
    }
}
