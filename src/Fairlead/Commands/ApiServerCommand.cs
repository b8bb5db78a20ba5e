using System.CommandLine;
using System.Net;
using Fairlead.ApiServer;
using Fairlead.CommandLine;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary><c>fairlead apiserver</c>: the embedded API server alone.</summary>
internal sealed partial class ApiServerCommand : FairleadCommand
{
    private readonly Option<IPEndPoint> _listen = new("--listen") { Description = "address and port of HTTPS", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 6443), CustomParser = result => Endpoint(result) };
    private readonly Option<string?> _store = new("--store") { Description = "the file that keeps the objects [default: they are kept in memory]", HelpName = "FILE" };
    private readonly Option<string?> _pki = new("--pki-dir") { Description = "the folder of certificates and keys [default: they are kept in memory]", HelpName = "DIR" };
    private readonly Option<string> _kubeconfig = new("--kubeconfig") { Description = "where to write the administrator's kubeconfig", HelpName = "FILE", Required = true };
    private readonly Option<IPNetwork> _services = RangeOption.Create("--service-cluster-ip-range", "the range of Services", new ApiServerOptions().ServiceCidr.ToString());

    public ApiServerCommand()
        : base("apiserver", "The embedded API server alone: objects for stock kubectl, without controllers or nodes.")
    {
        foreach (Option option in new Option[] { _listen, _store, _pki, _kubeconfig, _services })
        {
            Options.Add(option);
        }

        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead apiserver --listen 127.0.0.1:7443 --kubeconfig ./kubeconfig", "an API server that forgets its objects when it ends")];

    private Task<int> RunAsync(ParseResult parsed, CancellationToken ct) => RoleRun.RunAsync("apiserver", async logging =>
        await ApiServerRole.RunAsync(
            new ApiServerOptions
            {
                Listen = [parsed.GetValue(_listen)!],
                StorePath = parsed.GetValue(_store),
                PkiFolder = parsed.GetValue(_pki),
                ServiceCidr = parsed.GetValue(_services),
                Logging = logging,
            },
            parsed.GetValue(_kubeconfig),
            host => LogReady(logging.CreateLogger<ApiServerCommand>(), host.Endpoints[0], parsed.GetValue(_kubeconfig)!),
            ct));

    private static IPEndPoint Endpoint(System.CommandLine.Parsing.ArgumentResult result)
    {
        if (IPEndPoint.TryParse(result.Tokens[^1].Value, out var endpoint) && endpoint.Port != 0)
        {
            return endpoint;
        }

        result.AddError($"'{result.Tokens[^1].Value}' is not an address and a port, such as 127.0.0.1:6443");
        return new IPEndPoint(IPAddress.Loopback, 0);
    }

    [LoggerMessage(LogLevel.Information, "Serving on https://{Endpoint}; export KUBECONFIG={Kubeconfig}")]
    private static partial void LogReady(ILogger logger, IPEndPoint endpoint, string kubeconfig);
}
