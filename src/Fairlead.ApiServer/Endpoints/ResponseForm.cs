using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>How the client wants objects: whole, as a table for people, or only their metadata.</summary>
internal enum ResponseForm
{
    Object, Table, Metadata,
}

/// <summary>Reads the <c>Accept</c> header as Kubernetes clients use it.</summary>
internal static class Acceptance
{
    /// <summary>The first form named that this server can give; 406 if there is none.</summary>
    public static ResponseForm FormOf(HttpContext context)
    {
        string? header = context.Request.Headers.Accept;
        if (string.IsNullOrWhiteSpace(header))
        {
            return ResponseForm.Object;
        }

        foreach (var range in header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = range.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "application/*" or "*/*"))
            {
                continue;
            }

            switch (Parameter(parts, "as"))
            {
                case "":
                    return ResponseForm.Object;
                case "Table" when Parameter(parts, "g") == "meta.k8s.io" && Parameter(parts, "v") is "v1" or "v1beta1":
                    return ResponseForm.Table;
                case "PartialObjectMetadata" or "PartialObjectMetadataList" when Parameter(parts, "v") == "v1":
                    return ResponseForm.Metadata;
            }
        }

        throw new StatusException(406, "NotAcceptable", "only the following media types are accepted: application/json");
    }

    /// <summary>Whether the header names a form such as <c>as=APIGroupDiscoveryList;v=v2</c>.</summary>
    public static bool Names(HttpContext context, string form, string version)
        => ((string?)context.Request.Headers.Accept ?? "").Split(',').Select(r => r.Split(';', StringSplitOptions.TrimEntries))
            .Any(parts => Parameter(parts, "as") == form && Parameter(parts, "v") == version);

    private static string Parameter(string[] parts, string name)
    {
        foreach (var part in parts.AsSpan(1))
        {
            if (part.StartsWith(name, StringComparison.Ordinal) && part.Length > name.Length && part[name.Length] == '=')
            {
                return part[(name.Length + 1)..];
            }
        }

        return "";
    }
}
