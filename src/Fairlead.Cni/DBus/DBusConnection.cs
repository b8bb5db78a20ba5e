using System.Net.Sockets;
using System.Text;

namespace Fairlead.Cni.DBus;

/// <summary>An error that the other side of a call answered with.</summary>
internal sealed class DBusException(string name, string message) : IOException($"{message} ({name})")
{
    /// <summary>The error's name: <c>org.freedesktop.DBus.Error.ServiceUnknown</c> …</summary>
    public string Name { get; } = name;
}

/// <summary>A connection to a bus of D-Bus, by which one call after another is made.</summary>
internal sealed class DBusConnection : IDisposable
{
    public const string Bus = "org.freedesktop.DBus";
    private const string BusPath = "/org/freedesktop/DBus";
    private const string DefaultAddress = "unix:path=/run/dbus/system_bus_socket";
    private const int Patience = 25_000; // milliseconds; what the reference library waits

    private readonly Socket _socket;
    private uint _serial;

    private DBusConnection(Socket socket) => _socket = socket;

    /// <summary>The system's bus; null where there is none.</summary>
    /// <param name="address">The value of <c>DBUS_SYSTEM_BUS_ADDRESS</c>.</param>
    /// <exception cref="IOException">There is one, and it does not let us in.</exception>
    public static DBusConnection? OpenSystem(string? address)
    {
        var path = PathOf(address is { Length: > 0 } ? address : DefaultAddress);
        if (path is null || !File.Exists(path))
        {
            return null;
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = Patience, SendTimeout = Patience };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            Authenticate(socket);
            var connection = new DBusConnection(socket);
            connection.CallBus("Hello");
            return connection;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            return e.SocketErrorCode == SocketError.ConnectionRefused ? null : throw new IOException($"D-Bus at {path}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether somebody on the bus answers to a name.</summary>
    public bool HasOwner(string name) => CallBus("NameHasOwner", name) is [true, ..];

    /// <summary>Calls a method of the bus itself.</summary>
    public IReadOnlyList<object> CallBus(string member, params object[] arguments) => Call(Bus, BusPath, Bus, member, arguments);

    /// <summary>Calls a method and waits for its answer.</summary>
    /// <exception cref="DBusException">The answer is an error.</exception>
    public IReadOnlyList<object> Call(string destination, string path, string interfaceName, string member, params object[] arguments)
    {
        var serial = ++_serial;
        Send(new DBusMessage(DBusMessageType.Call)
        {
            Serial = serial, Destination = destination, ObjectPath = path, Interface = interfaceName, Member = member, Body = arguments,
        });
        while (true)
        {
            var answer = Receive();
            if (answer.ReplySerial == serial && answer.Type is DBusMessageType.Return or DBusMessageType.Error)
            {
                return answer.Type == DBusMessageType.Return
                    ? answer.Body
                    : throw new DBusException(answer.Error, answer.Body is [string text, ..] ? text : $"{member} of {destination} failed");
            }
        }
    }

    public void Send(DBusMessage message) => Guard(() =>
    {
        var bytes = message.Encode();
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += _socket.Send(bytes.AsSpan(sent));
        }
    });

    /// <summary>The next message, whatever it is.</summary>
    public DBusMessage Receive()
    {
        var prefix = new byte[DBusMessage.PrefixLength];
        Read(prefix);
        try
        {
            var bytes = new byte[DBusMessage.LengthOf(prefix)];
            prefix.CopyTo(bytes.AsSpan());
            Read(bytes.AsSpan(prefix.Length));
            return DBusMessage.Decode(bytes);
        }
        catch (InvalidDataException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static string? PathOf(string addresses) => addresses.Split(';')
        .Where(a => a.StartsWith("unix:", StringComparison.Ordinal))
        .SelectMany(a => a["unix:".Length..].Split(','))
        .Where(pair => pair.StartsWith("path=", StringComparison.Ordinal))
        .Select(pair => Uri.UnescapeDataString(pair["path=".Length..]))
        .FirstOrDefault();

    /// <summary>By the credentials that the kernel tells the bus: the client names no user, and is asked for none.</summary>
    private static void Authenticate(Socket socket)
    {
        socket.Send("\0AUTH EXTERNAL\r\n"u8);
        if (Line(socket).StartsWith("DATA", StringComparison.Ordinal))
        {
            socket.Send("DATA\r\n"u8);
            if (Line(socket) is var answer && !answer.StartsWith("OK ", StringComparison.Ordinal))
            {
                throw new IOException($"D-Bus does not let us in: {answer}");
            }
        }

        socket.Send("BEGIN\r\n"u8);
    }

    private static string Line(Socket socket)
    {
        var line = new StringBuilder();
        Span<byte> one = stackalloc byte[1];
        while (socket.Receive(one) == 1 && line.Length < 1024)
        {
            if (one[0] == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append((char)one[0]);
        }

        throw new IOException($"D-Bus does not let us in: {line}");
    }

    private void Read(Span<byte> into)
    {
        for (var read = 0; read < into.Length;)
        {
            int length;
            try
            {
                length = _socket.Receive(into[read..]);
            }
            catch (SocketException e)
            {
                throw new IOException($"D-Bus: {e.Message}", e);
            }

            read += length > 0 ? length : throw new IOException("D-Bus: the connection has ended");
        }
    }

    private static void Guard(Action act)
    {
        try
        {
            act();
        }
        catch (SocketException e)
        {
            throw new IOException($"D-Bus: {e.Message}", e);
        }
    }
}
