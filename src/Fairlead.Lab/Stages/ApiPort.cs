using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Lab.State;

namespace Fairlead.Lab.Stages;

/// <summary>Chooses the API server's port on 127.0.0.1.</summary>
internal static class ApiPort
{
    private const int Tries = 100;

    /// <summary>The port that was asked for; else 6443; else, where another lab holds that, the next free one.</summary>
    /// <exception cref="LabException">The port is a stranger's.</exception>
    public static int Choose(LabOptions options, IEnumerable<LabRecord> otherLabs)
    {
        var wanted = options.ApiPort ?? LabOptions.UsualApiPort;
        if (IsFree(wanted))
        {
            return wanted;
        }

        if (options.ApiPort is not null || !otherLabs.Any(lab => lab.ApiPort == wanted))
        {
            throw new LabException(
                string.Create(CultureInfo.InvariantCulture, $"port {wanted} of 127.0.0.1 is in use, and the API server wants it"),
                string.Create(CultureInfo.InvariantCulture, $"choose another with --api-port, for example --api-port {(wanted < 50000 ? wanted + 10000 : wanted - 10000)}, or end what listens there"));
        }

        for (var port = wanted + 1; port < wanted + Tries; port++)
        {
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new LabException($"no port of 127.0.0.1 from {wanted} to {wanted + Tries} is free for the API server", "choose one with --api-port");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
    }
}
