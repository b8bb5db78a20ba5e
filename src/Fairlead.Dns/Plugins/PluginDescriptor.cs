using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;

namespace Fairlead.Dns.Plugins;

/// <summary>A directive the server knows, and what makes a plugin of it.</summary>
internal sealed record PluginDescriptor(string Name, Func<Directive, PluginSetup, IPlugin> Parse);
