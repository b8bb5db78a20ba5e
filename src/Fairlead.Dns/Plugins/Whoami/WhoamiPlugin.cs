using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Whoami;

/// <summary>Tells a client its own address, port and transport.</summary>
internal sealed class WhoamiPlugin : IDnsPlugin
{
    public string Name => "whoami";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        directive.NoArguments().NoBody();
        return new WhoamiPlugin();
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        var remote = context.Remote;
        context.ReplyFlags = DnsFlags.Authoritative;
        context.AnsweredBy = Name;
        context.Additionals.Add(Record.ForAddress(context.QuestionName, 0, remote.Address));
        var transport = context.Transport == DnsTransport.Udp ? "_udp" : "_tcp";
        if (context.QuestionName.TryPrepend(transport, out var service))
        {
            context.Additionals.Add(Record.ForSrv(service, 0, 0, 0, (ushort)remote.Port, DnsName.Root));
        }

        return ValueTask.CompletedTask;
    }
}
