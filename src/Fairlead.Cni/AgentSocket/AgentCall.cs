using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.AgentSocket;

/// <summary>A plugin's question to the agent of its node, which does the work in its stead.</summary>
/// <remarks>
/// The configuration's <c>agent</c> names the socket. Nobody there, or nobody who answers: the plugin does the work alone. An agent
/// that is killed at work closes the connection with its end, when none of its threads does anything any more; so what it has left
/// half done can be undone, and done again, at once. One that neither answers nor ends may be at work still: then nothing is done.
/// </remarks>
internal static class AgentCall
{
    /// <summary>Longer than an agent takes to say that it cannot (<see cref="IPodAdmission"/>).</summary>
    private const int Patience = 40_000; // milliseconds

    /// <summary>Asks.</summary>
    /// <param name="wasTaken">Where there is no answer: whether the agent may have begun.</param>
    /// <returns>Null where there is no answer, and the plugin must do the work.</returns>
    /// <exception cref="CniException">The agent is there, and has not answered in time.</exception>
    public static PluginAnswer? Ask(string path, CniHost host, ReadOnlyMemory<byte> config, out bool wasTaken)
    {
        wasTaken = false;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = Patience, ReceiveTimeout = Patience };
        try
        {
            using var address = new SocketPath(path);
            socket.Connect(address.EndPoint);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return e is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock } ? throw Late(path) : null;
        }

        wasTaken = true;
        try
        {
            Send(socket, RequestOf(host, config).Encode());
            socket.Shutdown(SocketShutdown.Send);
            return PluginAnswer.TryParse(ReadAll(socket), out var answer) ? answer : null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock ? throw Late(path) : null;
        }
    }

    /// <summary>Refuses a pod that must not be without its policies, which only an agent can put in force.</summary>
    /// <remarks>The configuration's <c>policyNamespaces</c> names the file in which the agent keeps the namespaces that have any.</remarks>
    /// <exception cref="CniException">Its namespace has some.</exception>
    public static void RefuseWithoutPolicies(NetworkConfig config, CniEnvironment environment)
    {
        if (config.Root["policyNamespaces"].Text() is { Length: > 0 } file
            && environment.Arguments["K8S_POD_NAMESPACE"] is { Length: > 0 } ns
            && PolicyNamespaces.Read(file).Contains(ns, StringComparer.Ordinal))
        {
            throw new CniException(
                CniErrorCode.TryAgainLater,
                $"namespace {ns} has network policies, which only the node's agent can put in force, and it does not run; see its log");
        }
    }

    private static PluginRequest RequestOf(CniHost host, ReadOnlyMemory<byte> config) => new(
        host.ProgramName,
        host.Executable ?? "",
        PluginRequest.Names.Select(name => (Name: name, Value: host.GetVariable(name))).Where(v => v.Value is not null)
            .ToImmutableSortedDictionary(v => v.Name, v => v.Value!, StringComparer.Ordinal),
        config);

    private static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    private static byte[] ReadAll(Socket socket)
    {
        using var all = new MemoryStream();
        Span<byte> part = stackalloc byte[4096];
        while (socket.Receive(part) is > 0 and var count)
        {
            all.Write(part[..count]);
        }

        return all.ToArray();
    }

    private static CniException Late(string path) => new(
        CniErrorCode.TryAgainLater, $"the node's agent at {path} has not answered in {Patience / 1000} s; see its log");
}
