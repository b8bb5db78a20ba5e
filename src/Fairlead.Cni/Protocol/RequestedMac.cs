using Fairlead.Cni.Plugins;
using Fairlead.Linux;

namespace Fairlead.Cni.Protocol;

/// <summary>The hardware address that a call asks for.</summary>
internal static class RequestedMac
{
    /// <summary>The runtime's address wins over the user's, that over CNI_ARGS, and that over the configuration's own.</summary>
    /// <param name="call">The call.</param>
    /// <param name="field">The configuration's own field, for the plugins that have one.</param>
    public static MacAddress? Read(PluginCall call, string? field = null)
    {
        foreach (var node in (ReadOnlySpan<ConfigNode>)[call.Config.Runtime["mac"], call.Config.CniArgs["mac"]])
        {
            if (node.Text() is { Length: > 0 })
            {
                return Parse(node);
            }
        }

        if (call.Environment.Arguments["MAC"] is { Length: > 0 } argument)
        {
            return TryParse(argument, out var parsed)
                ? parsed
                : throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: MAC: '{argument}' is no hardware address");
        }

        return field is not null && call.Config.Root[field] is var own && own.Text().Length > 0 ? Parse(own) : null;
    }

    /// <summary>Reads a field that holds a hardware address.</summary>
    public static MacAddress Parse(ConfigNode node)
        => TryParse(node.Text(), out var mac) ? mac : throw node.Fault($"'{node.Text()}' is no hardware address");

    /// <summary>An address of one interface: neither a group's nor nobody's, which the kernel would refuse without a reason.</summary>
    private static bool TryParse(string text, out MacAddress mac)
    {
        if (!MacAddress.TryParse(text, null, out mac))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        mac.CopyTo(bytes);
        return mac != MacAddress.Zero && (bytes[0] & 1) == 0;
    }
}
