using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.LoadBalance;

/// <summary>Shuffles the A, AAAA and MX records of every answer, so that clients who take the first spread out.</summary>
internal sealed class LoadBalancePlugin : IDnsPlugin
{
    public string Name => "loadbalance";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        directive.NoBody();
        return directive.Arguments is [] or ["round_robin"]
            ? new LoadBalancePlugin()
            : throw directive.Error($"'{directive.Arguments[0]}': round_robin is the policy there is");
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        var pending = next(context, ct);
        if (pending.IsCompletedSuccessfully)
        {
            Shuffle(context.Answers.Mutable);
            return ValueTask.CompletedTask;
        }

        return LaterAsync(pending, context);
    }

    private static async ValueTask LaterAsync(ValueTask pending, DnsContext context)
    {
        await pending;
        Shuffle(context.Answers.Mutable);
    }

    /// <summary>Aliases stay in front: they lead to the addresses, and stub resolvers read in order.</summary>
    private static void Shuffle(Span<Record> answers)
    {
        var start = 0;
        while (start < answers.Length && !IsShuffled(answers[start].Type))
        {
            start++;
        }

        var end = start;
        while (end < answers.Length && IsShuffled(answers[end].Type))
        {
            end++;
        }

        if (end - start > 1)
        {
            Random.Shared.Shuffle(answers[start..end]);
        }
    }

    private static bool IsShuffled(RecordType type) => type is RecordType.A or RecordType.AAAA or RecordType.MX;
}
