using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>An interface that carries nothing anywhere: a place for addresses.</summary>
internal sealed class DummyLink : IContainerLink
{
    public string Kind => "dummy";

    public LinkSpec Sample => new DummySpec("");

    public bool NeedsAddresses => true;

    public void Verify(PluginCall call)
    {
        // It has no options.
    }

    public void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod)
        => inside.CreateDummy(new DummySpec(call.Environment.InterfaceName));

    public void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link)
    {
        // Its kind is all there is to it.
    }

    public void Status(PluginCall call, RouteSocket host)
    {
        // It stands on nothing.
    }
}
