using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Pods;

/// <summary>Answers the plugins of this node on a Unix socket: does their work, where start-up, rules and addresses are at hand already.</summary>
/// <remarks>
/// One connection, one call: the plugin sends all that it was started with and closes its side; the answer is what it ends with. Only
/// root is served. Calls for one container queue, as a runtime that has lost patience with an ADD sends DEL; others run side by side.
/// A call that has begun is finished, though nobody may wait for it any more.
/// </remarks>
internal sealed partial class CniSocketServer(
    string path, NetworkNamespace? network, LocalPods pods, IPodAdmission admission, TimeProvider time, ILogger<CniSocketServer> logger) : IDisposable
{
    private const int Backlog = 512;
    private const int MostAtOnce = 64;

    /// <summary>How long a plugin may take to say what it wants.</summary>
    private static readonly TimeSpan s_sending = TimeSpan.FromSeconds(10);

    /// <summary>How often to look whether another agent has let go of the path.</summary>
    private static readonly TimeSpan s_another = TimeSpan.FromMilliseconds(100);

    private readonly AttachmentGate _gate = new();
    private readonly SemaphoreSlim _places = new(MostAtOnce);

    public async Task RunAsync(CancellationToken ct)
    {
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var alone = await HoldAsync(ct);
        File.Delete(path);
        using var address = new SocketPath(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address.EndPoint);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen(Backlog);
        var calls = new HashSet<Task>();
        try
        {
            while (true)
            {
                var peer = await listener.AcceptAsync(ct);
                calls.RemoveWhere(c => c.IsCompleted);
                calls.Add(Task.Run(() => ServeAsync(peer), CancellationToken.None));
            }
        }
        finally
        {
            listener.Dispose(); // whoever comes now does the work alone
            await Task.WhenAll(calls);
        }
    }

    /// <summary>Removes what an agent that was killed has left of its socket.</summary>
    public static void Clean(string path)
    {
        File.Delete(path);
        File.Delete(LockOf(path));
    }

    private static string LockOf(string path) => $"{path}.lock";

    /// <summary>The path is one agent's at a time: one that is started beside another, as in an upgrade, serves once the other has ended.</summary>
    /// <remarks>The kernel lets go of the lock of an agent that was killed; the file stays, as a lock on a deleted file excludes nobody.</remarks>
    private async Task<FileStream> HoldAsync(CancellationToken ct)
    {
        for (var told = false; ; await Task.Delay(s_another, time, ct))
        {
            try
            {
                return new FileStream(LockOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.GetType() == typeof(IOException))
            {
                if (!told)
                {
                    LogHeld(path);
                    told = true;
                }
            }
        }
    }

    /// <summary>After its end.</summary>
    public void Dispose() => _places.Dispose();

    private async Task ServeAsync(Socket peer)
    {
        using var held = peer;
        try
        {
            if (UserOf(peer) is var user and not 0)
            {
                LogStranger(user);
                return;
            }

            using var limit = new CancellationTokenSource(s_sending, time);
            var text = await ReadAsync(peer, limit.Token);
            if (text is null || !PluginRequest.TryParse(text.Value, out var request))
            {
                LogNonsense();
                return;
            }

            var answer = await AnswerAsync(request);
            await peer.SendAsync(answer.Encode(), CancellationToken.None);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            LogLost(e); // the plugin was killed, or hangs
        }
    }

    private async Task<PluginAnswer> AnswerAsync(PluginRequest request)
    {
        await _places.WaitAsync();
        try
        {
            var (verb, attachment) = PluginWork.Subject(request);
            using var turn = verb == "GC" ? await _gate.EnterAloneAsync(CancellationToken.None)
                : verb is "ADD" or "DEL" or "CHECK" ? await _gate.EnterAsync(attachment.ContainerId, CancellationToken.None)
                : null;
            using var error = new StringWriter();
            var answer = await Task.Factory.StartNew(
                () => PluginWork.Run(request, admission, network, error), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Follow(verb, attachment, answer);
            if (error.ToString() is { Length: > 0 } said)
            {
                LogSaid(verb, attachment.ContainerId, said.Trim());
            }

            return answer;
        }
        finally
        {
            _places.Release();
        }
    }

    private void Follow(string verb, CniAttachmentKey attachment, PluginAnswer answer)
    {
        switch (verb)
        {
            case "ADD" when answer.ExitCode == 0:
                pods.Settle(attachment);
                break;
            case "ADD":
                pods.Remove(attachment);
                LogRefused(attachment.ContainerId, MessageOf(answer));
                break;
            case "DEL" when answer.ExitCode == 0:
                pods.Remove(attachment);
                break;
            case "GC":
                pods.ReadBack();
                break;
        }
    }

    private static string MessageOf(PluginAnswer answer)
    {
        using var document = JsonDocument.Parse(answer.Output);
        return document.RootElement.GetProperty("msg").GetString() ?? "";
    }

    /// <summary>Null for one that is too large.</summary>
    private static async Task<ReadOnlyMemory<byte>?> ReadAsync(Socket peer, CancellationToken ct)
    {
        using var all = new MemoryStream();
        var part = new byte[16 << 10];
        while (await peer.ReceiveAsync(part, ct) is > 0 and var count)
        {
            all.Write(part, 0, count);
            if (all.Length > PluginRequest.MaximumSize)
            {
                return null;
            }
        }

        return all.ToArray();
    }

    /// <summary>Who has connected, as the kernel knows it: SO_PEERCRED, unix(7).</summary>
    private static uint UserOf(Socket peer)
    {
        const int SocketLevel = 1;
        const int PeerCredentials = 17;
        Span<uint> credentials = stackalloc uint[3]; // struct ucred: process, user, group
        _ = peer.GetRawSocketOption(SocketLevel, PeerCredentials, MemoryMarshal.AsBytes(credentials));
        return credentials[1];
    }

    [LoggerMessage(LogLevel.Warning, "Another agent serves the plugins on {Path}; it is waited for. Two agents of one node undo each other's work: end one, or give each its own --cni-socket and --state-dir")]
    private partial void LogHeld(string path);

    [LoggerMessage(LogLevel.Warning, "A process of user {User} asked on the plugins' socket: refused")]
    private partial void LogStranger(uint user);

    [LoggerMessage(LogLevel.Warning, "What came over the plugins' socket is no call of a plugin")]
    private partial void LogNonsense();

    [LoggerMessage(LogLevel.Debug, "A plugin has gone before it had its answer")]
    private partial void LogLost(Exception e);

    [LoggerMessage(LogLevel.Warning, "{Verb} of {Container}: {Said}")]
    private partial void LogSaid(string verb, string container, string said);

    [LoggerMessage(LogLevel.Warning, "Container {Container} was not added: {Message}")]
    private partial void LogRefused(string container, string message);
}
