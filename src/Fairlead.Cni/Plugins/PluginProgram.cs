using System.Text;
using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>A run of the executable as a CNI plugin: reads the parameters, calls the plugin, writes one document.</summary>
internal static class PluginProgram
{
    public static int Run(CniHost host)
    {
        // Errors are written in the version of the configuration once that is known.
        var version = CniVersion.Newest;
        try
        {
            return Execute(host, ref version);
        }
        catch (CniException e)
        {
            Write(host, ResultWriter.ErrorToJson(version, e));
            return 1;
        }
        catch (Exception e)
        {
            host.Error.WriteLine(e);
            var fault = e switch
            {
                LinuxException { IsNotSupported: true } => new CniException(CniErrorCode.UnsupportedField, e.Message),
                IOException or UnauthorizedAccessException => new CniException(CniErrorCode.InputOutput, e.Message),
                _ => new CniException(CniErrorCode.Internal, e.Message, e.GetType().Name),
            };
            Write(host, ResultWriter.ErrorToJson(version, fault));
            return 1;
        }
    }

    private static int Execute(CniHost host, ref CniVersion version)
    {
        var environment = CniEnvironment.Read(host);
        var text = ReadInput(host);
        if (environment.Command == CniCommand.Version)
        {
            Write(host, ResultWriter.VersionsToJson());
            return 0;
        }

        using var config = NetworkConfig.Parse(text);
        version = config.Version;
        var isTorn = false;
        if (IsOnItsOwn(host, config) && config.Root["agent"].Text() is { Length: > 0 } agent)
        {
            if (AgentCall.Ask(agent, host, text, out isTorn) is { } answer)
            {
                host.Output.Write(answer.Output.Span);
                host.Output.Flush();
                return answer.ExitCode;
            }
        }

        var nftables = new Lazy<NftablesSocket>(() => NftablesSocket.Open());
        try
        {
            Write(host, Execute(new PluginCall(host, environment, config, nftables), version, isTorn));
            return 0;
        }
        finally
        {
            if (nftables.IsValueCreated)
            {
                nftables.Value.Dispose();
            }
        }
    }

    /// <param name="isTorn">Whether an agent has begun with it, and was killed.</param>
    private static string Execute(PluginCall call, CniVersion version, bool isTorn)
    {
        var (host, environment, config, _) = call;
        var plugin = PluginCatalog.Find(host.ProgramName) ?? PluginCatalog.Find(config.Type)
            ?? throw config.Root["type"].Fault(
                $"no plugin is named '{config.Type}'; there are {string.Join(", ", PluginCatalog.Names)}");
        switch (environment.Command)
        {
            case CniCommand.Add:
                if (isTorn)
                {
                    plugin.Delete(call);
                }

                if (IsOnItsOwn(host, config))
                {
                    AgentCall.RefuseWithoutPolicies(config, environment);
                }

                return ResultWriter.ToJson(plugin.Add(call), version);
            case CniCommand.Del:
                plugin.Delete(call);
                return "";
            case CniCommand.Check:
                Need(config, CniVersion.V040, "CHECK");
                if (config.Previous is null)
                {
                    throw config.Root["prevResult"].Fault("is missing: CHECK compares with it");
                }

                plugin.Check(call);
                return "";
            case CniCommand.Status:
                Need(config, CniVersion.V110, "STATUS");
                plugin.Status(call);
                return "";
            default:
                Need(config, CniVersion.V110, "GC");
                plugin.CollectGarbage(
                    call, config.ValidAttachments ?? throw config.Root["cni.dev/valid-attachments"].Fault("is missing"));
                return "";
        }
    }

    /// <summary>Whether a runtime has started it: neither an agent, nor another plugin for its addresses, whose configuration it then has.</summary>
    private static bool IsOnItsOwn(CniHost host, NetworkConfig config)
        => !host.IsAgent && (host.ProgramName == config.Type || PluginCatalog.Find(host.ProgramName) is null);

    private static void Need(NetworkConfig config, CniVersion since, string command)
    {
        if (config.Version < since)
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion, $"cniVersion: {command} needs {since} or later, the configuration is of {config.Version}");
        }
    }

    private static ReadOnlyMemory<byte> ReadInput(CniHost host)
    {
        using var buffer = new MemoryStream();
        host.Input.CopyTo(buffer);
        return buffer.ToArray();
    }

    private static void Write(CniHost host, string document)
    {
        if (document.Length > 0)
        {
            host.Output.Write(Encoding.UTF8.GetBytes(document + "\n"));
        }

        host.Output.Flush();
    }
}
