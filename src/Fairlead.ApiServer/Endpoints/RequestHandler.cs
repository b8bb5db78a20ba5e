using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Selection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Takes every request: who is it, what is wanted, is it allowed, who answers. Every failure becomes a Status.</summary>
internal sealed partial class RequestHandler(
    Authenticator authenticator,
    Authorizer authorizer,
    ObjectEndpoint objects,
    ListEndpoint lists,
    WatchEndpoint watches,
    SubresourceEndpoint subresources,
    LogEndpoint logs,
    ReviewEndpoint reviews,
    ILogger<RequestHandler> logger)
{
    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (StatusException e) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, e);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client left: nobody to answer.
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, e.StatusCode == 413 ? StatusException.TooLarge(HttpFront.MaxBodyBytes) : StatusException.BadRequest(e.Message));
        }
        catch (Exception e)
        {
            LogFailed(e, context.Request.Method, context.Request.Path);
            if (context.Response.HasStarted)
            {
                context.Abort();
            }
            else
            {
                await AnswerAsync(context, StatusException.Internal(e is IOException ? e.Message : "an unexpected error occurred"));
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogFailed(Exception e, string method, string path);

    private static async Task AnswerAsync(HttpContext context, StatusException e)
    {
        context.Response.Headers.Remove("Content-Length");
        if (e.Code == 413)
        {
            context.Response.Headers.Connection = context.Request.Protocol == "HTTP/2" ? default : "close";   // the rest of the body is not read
        }

        await Answers.StatusAsync(context, e);
    }

    private Task RouteAsync(HttpContext context)
    {
        var user = Impersonation.Apply(context, authenticator.Authenticate(context), authorizer);
        var path = context.Request.Path.Value ?? "/";
        if (RequestPath.Parse(path) is not { } target)
        {
            var plain = AccessRequest.NonResource(context.Request.Method.ToLowerInvariant(), path);
            return authorizer.Allows(user, plain)
                ? PlainPaths.AnswerAsync(context, path)
                : throw new StatusException(403, "Forbidden", $"forbidden: {plain.Refusal(user)}", []);
        }

        var verb = VerbOf(context, target);
        var isOfMany = verb is "list" or "watch" && target.Name.Length == 0;
        var name = isOfMany ? ObjectSelector.NameIn(context.Request.Query["fieldSelector"].ToString()) : target.Name;
        Require(user, new AccessRequest(verb, target.Group, target.Resource, target.Subresource, target.Namespace, name));
        var resource = target.Find() ?? throw StatusException.PathNotFound();
        if (!target.Fits(resource))
        {
            throw StatusException.PathNotFound();
        }

        var request = new ResourceRequest(context, resource, target.Namespace, target.Name, target.Subresource, user)
        {
            Admit = GrantRules.Concern(resource) ? (next, old) => GrantRules.Check(authorizer, user, resource, target.Namespace, next, old) : null,
        };
        if (verb == "patch" && target.Subresource.Length == 0 && objects.Creates(request))
        {
            Require(user, request.Access("create"));   // a patch may be the making of an object, and that is another right
        }

        return DispatchAsync(request, verb);
    }

    private void Require(UserInfo user, AccessRequest access)
    {
        if (!authorizer.Allows(user, access))
        {
            throw StatusException.Forbidden(new GroupResource(access.Group, access.Resource), access.Name, access.Refusal(user));
        }
    }

    private static string VerbOf(HttpContext context, RequestPath target)
    {
        var named = target.Name.Length > 0;
        return context.Request.Method switch
        {
            "GET" or "HEAD" when target.Watch || (!named && context.Request.Query["watch"].ToString() is "true" or "1") => "watch",
            "GET" or "HEAD" => named ? "get" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => named ? "delete" : "deletecollection",
            _ => throw StatusException.MethodNotAllowed(),
        };
    }

    private Task DispatchAsync(ResourceRequest request, string verb)
    {
        var resource = request.Resource;
        if (resource.Ephemeral)
        {
            return (resource.Kind, verb) switch
            {
                ("Binding", "create") => subresources.BindAsync(request),
                (_, "create") => reviews.RunAsync(request),
                _ => throw StatusException.MethodNotAllowed(),
            };
        }

        if (resource.Namespaced && request.Namespace.Length == 0 && verb is not ("list" or "watch"))
        {
            throw verb == "create"
                ? StatusException.BadRequest("an empty namespace may not be set during creation")
                : StatusException.PathNotFound();
        }

        if (request.Subresource.Length > 0)
        {
            return DispatchSubresourceAsync(request, verb);
        }

        if (resource is { Group: "", Plural: "endpoints" })
        {
            Answers.Warn(request.Http, ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]);
        }

        return verb switch
        {
            "get" => objects.GetAsync(request),
            "list" => lists.RunAsync(request),
            "watch" => watches.RunAsync(request),
            "create" when request.Name.Length == 0 || resource.Plural == "namespaces" => objects.CreateAsync(request),
            "update" when request.Name.Length > 0 => objects.ReplaceAsync(request),
            "patch" when request.Name.Length > 0 => objects.PatchAsync(request),
            "delete" => objects.DeleteAsync(request),
            "deletecollection" when resource.HasCollection => objects.DeleteCollectionAsync(request),
            _ => throw StatusException.MethodNotAllowed(),
        };
    }

    /// <summary>kubectl shows the message to somebody who expects the command to work, so that it names another way.</summary>
    private static StatusException NotOffered(string subresource) => subresource switch
    {
        "exec" or "attach" => StatusException.NotOffered($"pods/{subresource}", "let the container's own command do it and read its output with \"kubectl logs\""),
        "portforward" => StatusException.NotOffered("pods/portforward", "expose the pod with a Service of type NodePort and use the node's address"),
        "ephemeralcontainers" => StatusException.NotOffered("pods/ephemeralcontainers", "\"kubectl debug --copy-to\" makes a copy with another container"),
        _ => StatusException.PathNotFound(),
    };

    private Task DispatchSubresourceAsync(ResourceRequest request, string verb)
    {
        if (!request.Resource.Has(request.Subresource))
        {
            if (request.Resource is { Group: "", Plural: "pods" })
            {
                throw NotOffered(request.Subresource);
            }

            throw StatusException.PathNotFound();
        }

        return (request.Subresource, verb) switch
        {
            ("status", "get") => objects.GetAsync(request),
            ("status", "update") => objects.ReplaceAsync(request),
            ("status", "patch") => objects.PatchAsync(request),
            ("scale", "get" or "update" or "patch") => subresources.ScaleAsync(request),
            ("binding", "create") => subresources.BindAsync(request),
            ("eviction", "create") => subresources.EvictAsync(request),
            ("finalize", "update") => subresources.FinalizeAsync(request),
            ("token", "create") => subresources.TokenAsync(request),
            ("log", "get") => logs.RunAsync(request),
            _ => throw StatusException.MethodNotAllowed(),
        };
    }
}
