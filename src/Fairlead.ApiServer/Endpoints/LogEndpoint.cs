using System.Globalization;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Pods;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;

namespace Fairlead.ApiServer.Endpoints;

/// <summary><c>kubectl logs</c>: finds the container and passes its log through from the pod's node.</summary>
internal sealed class LogEndpoint(ObjectWriter writer, IPodStreams? streams, TimeProvider time, CancellationToken stopping)
{
    public async Task RunAsync(ResourceRequest request)
    {
        if (streams is null)
        {
            throw new StatusException(501, "NotImplemented", "this server has no source of container logs");
        }

        var pod = writer.Get(ResourceCatalog.Stored("", "pods"), request.Namespace, request.Name).Parse();
        var container = ContainerOf(request, pod);
        if (pod.Text("spec", "nodeName").Length == 0)
        {
            throw StatusException.BadRequest($"pod {request.Name} does not have a host assigned");
        }

        var options = new PodLogOptions
        {
            Follow = request.Flag("follow"),
            Previous = request.Flag("previous"),
            Timestamps = request.Flag("timestamps"),
            TailLines = request.Number("tailLines"),
            LimitBytes = request.Number("limitBytes"),
            Since = SinceOf(request),
        };
        using var end = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, stopping);
        var result = await streams.OpenLogAsync(request.Namespace, request.Name, container, options, end.Token);
        await using var log = result.Stream ?? throw new StatusException(result.Code, result.Reason, result.Message);
        request.Http.Response.ContentType = "text/plain";
        await CopyAsync(log, request, end.Token);
    }

    private static async Task CopyAsync(Stream log, ResourceRequest request, CancellationToken ct)
    {
        var writer = request.Http.Response.BodyWriter;
        try
        {
            await writer.FlushAsync(ct);   // an empty log is still an answer
            int read;
            while ((read = await log.ReadAsync(writer.GetMemory(8192), ct)) > 0)
            {
                writer.Advance(read);
                await writer.FlushAsync(ct);
            }
        }
        catch (OperationCanceledException)
        {
            // The client left or the server stops: a followed log simply ends.
        }
    }

    private static string ContainerOf(ResourceRequest request, System.Text.Json.Nodes.JsonObject pod)
    {
        var names = pod.Items("spec", "containers").Concat(pod.Items("spec", "initContainers")).Concat(pod.Items("spec", "ephemeralContainers"))
            .Select(c => c.Text("name")).ToList();
        if (request.Query("container") is { Length: > 0 } asked)
        {
            return names.Contains(asked, StringComparer.Ordinal) ? asked : throw StatusException.BadRequest($"container {asked} is not valid for pod {request.Name}");
        }

        return names.Count == 1
            ? names[0]
            : throw StatusException.BadRequest($"a container name must be specified for pod {request.Name}, choose one of: [{string.Join(' ', names)}]");
    }

    private DateTimeOffset? SinceOf(ResourceRequest request)
    {
        if (request.Number("sinceSeconds") is { } seconds)
        {
            return time.GetUtcNow().AddSeconds(-Math.Min(seconds, 10L * 365 * 86400));
        }

        return DateTimeOffset.TryParse(request.Query("sinceTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since) ? since : null;
    }
}
