using System.Net;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;

namespace Fairlead.Dns.Plugins.Bind;

/// <summary>Names the addresses its server block listens on, in place of all.</summary>
internal sealed class BindPlugin : IPlugin
{
    public string Name => "bind";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        directive.AtLeast(1).NoBody();
        foreach (var text in directive.Arguments)
        {
            // Interface names need netlink, which this part does not know; a pod's address is what clusters write here.
            if (!IPAddress.TryParse(text, out var address))
            {
                throw directive.Error($"'{text}' is not an IP address");
            }

            setup.Bind.Add(address.ToString());
        }

        return new BindPlugin();
    }
}
