using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>The interface that others are made upon: the options <c>master</c> and <c>linkInContainer</c>.</summary>
internal static class ParentLink
{
    /// <summary>Refuses names that are none.</summary>
    public static void Verify(ConfigNode root, bool required = false)
    {
        var node = root["master"];
        if (node.Text() is { Length: > 0 } name)
        {
            if (CniNames.InterfaceNameFault(name) is { } fault)
            {
                throw node.Fault($"'{name}' {fault}");
            }
        }
        else if (required)
        {
            throw node.Fault("is missing");
        }

        _ = root["linkInContainer"].Flag();
    }

    /// <summary>Where the parent is looked for.</summary>
    public static RouteSocket SocketOf(ConfigNode root, RouteSocket host, RouteSocket inside) => root["linkInContainer"].Flag() ? inside : host;

    /// <summary>The one that is named; else the one that the default route goes by.</summary>
    public static Link Get(ConfigNode root, RouteSocket socket)
    {
        var node = root["master"];
        if (node.Text() is { Length: > 0 } name)
        {
            return socket.FindLink(name) ?? throw node.Fault($"there is no interface '{name}'");
        }

        var everything = new[] { new IPNetwork(IPAddress.Any, 0), new IPNetwork(IPAddress.IPv6Any, 0) };
        var route = socket.Routes(table: Route.MainTable)
            .Where(r => everything.Contains(r.Destination) && r.Link is not null)
            .OrderBy(r => r.IsIPv6).ThenBy(r => r.Metric)
            .FirstOrDefault() ?? throw node.Fault("is missing, and there is no default route to take the interface of");
        return socket.GetLink(route.Link!.Value);
    }

    /// <summary>STATUS: there is one; what is inside of a container that does not exist yet cannot be looked at.</summary>
    public static void Status(ConfigNode root, RouteSocket host)
    {
        if (root["linkInContainer"].Flag())
        {
            return;
        }

        try
        {
            _ = Get(root, host);
        }
        catch (CniException e)
        {
            throw new CniException(CniErrorCode.NotAvailable, e.Message, inner: e);
        }
    }

    /// <summary>CHECK: the interface still stands on its parent.</summary>
    public static void Check(ConfigNode root, RouteSocket host, RouteSocket inside, Link link)
    {
        var parent = Get(root, SocketOf(root, host, inside));
        if (link.Peer != parent.Index)
        {
            throw PodInterface.Changed($"'{link.Name}' is not upon '{parent.Name}' any more");
        }
    }
}
