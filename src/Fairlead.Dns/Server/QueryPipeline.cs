using System.Collections.Concurrent;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>What happens to a message between the socket it came from and the reply that is written: the same for every transport.</summary>
/// <remarks>Listeners own sockets and buffers, this owns meaning; a listener over <c>recvmmsg</c> or TLS needs nothing from here but <see cref="AnswerAsync"/>.</remarks>
internal sealed partial class QueryPipeline(string server, ILogger logger) : IResolver
{
    private const int MaxDepth = 8;
    private readonly ConcurrentBag<DnsContext> _pool = [];
    private ZoneRouter _router = ZoneRouter.Empty;
    private long _panics;

    /// <summary>The listening address as CoreDNS labels it: <c>dns://:53</c>.</summary>
    public string Server { get; } = server;

    /// <summary>How many queries ended in an exception of ours.</summary>
    public long Panics => Volatile.Read(ref _panics);

    /// <summary>From the next query on, answers by this routing.</summary>
    public void Use(ZoneRouter router) => Volatile.Write(ref _router, router);

    public DnsContext Rent()
    {
        if (!_pool.TryTake(out var context))
        {
            context = new DnsContext { Server = Server, Resolver = this };
        }

        return context;
    }

    public void Return(DnsContext context)
    {
        context.ResetReply();
        if (_pool.Count < 1024)
        {
            _pool.Add(context);
        }
    }

    /// <summary>Fills the context's reply for one message. Never throws: a listener lives by it.</summary>
    public ValueTask AnswerAsync(DnsContext context, ReadOnlySpan<byte> message, DnsTransport transport, CancellationToken ct)
    {
        if (!context.TryReadRequest(message, transport))
        {
            return ValueTask.CompletedTask;
        }

        return DispatchAsync(context, ct);
    }

    public async ValueTask<Resolution> LookupAsync(DnsContext parent, DnsName name, RecordType type, CancellationToken ct)
    {
        if (parent.Depth >= MaxDepth)
        {
            return new Resolution(ResponseCode.ServerFailure, [], false);
        }

        var context = Rent();
        context.BecomeLookup(parent, name, type);
        await DispatchAsync(context, ct);
        var age = context.Age;
        Record[] answers = [.. context.Answers.Span];
        if (age > 0)
        {
            answers = Array.ConvertAll(answers, record => record.WithTtl(record.Ttl > age ? record.Ttl - age : 0));
        }

        var result = new Resolution(context.Code, [.. answers], context.ReplyFlags.HasFlag(DnsFlags.Truncated));
        (context.Server, context.Resolver) = (Server, this);
        Return(context);
        return result;
    }

    private ValueTask DispatchAsync(DnsContext context, CancellationToken ct)
    {
        var chain = context.Class is RecordClass.IN ? Volatile.Read(ref _router).Find(context.Name) : null;
        if (chain is null)
        {
            context.Fail(ResponseCode.Refused);
            return ValueTask.CompletedTask;
        }

        try
        {
            var pending = chain(context, ct);
            return pending.IsCompletedSuccessfully ? ValueTask.CompletedTask : GuardAsync(pending, context);
        }
        catch (OperationCanceledException)
        {
            Hush(context);
            return ValueTask.CompletedTask;
        }
        catch (Exception e)
        {
            Fail(context, e);
            return ValueTask.CompletedTask;
        }
    }

    private async ValueTask GuardAsync(ValueTask pending, DnsContext context)
    {
        try
        {
            await pending;
        }
        catch (OperationCanceledException)
        {
            Hush(context);
        }
        catch (Exception e)
        {
            Fail(context, e);
        }
    }

    /// <summary>The server is stopping: silence makes the client ask another one.</summary>
    private static void Hush(DnsContext context)
    {
        context.Fail(ResponseCode.ServerFailure);
        context.Silent = true;
    }

    private void Fail(DnsContext context, Exception e)
    {
        Interlocked.Increment(ref _panics);
        LogPanic(e, DnsName.Format(context.NameAsSpelled), Mnemonic.Of(context.Type));
        context.Fail(ResponseCode.ServerFailure);
    }

    [LoggerMessage(LogLevel.Error, "Recovered from panic in a query for {Name} {Type}")]
    private partial void LogPanic(Exception e, string name, string type);
}
