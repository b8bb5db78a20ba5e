using System.CommandLine;
using Fairlead.Cni.Protocol;
using Fairlead.Lab;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni gc</c>: removes what belongs to no container any more.</summary>
internal sealed class CniGcCommand : CniVerb
{
    private readonly Argument<string?> _namespace = new("NETNS") { Description = "not used: the whole network is collected, as cnitool does", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string[]> _valid = new("--valid") { Description = "an attachment that stays, as CONTAINERID/IFNAME; may be given many times", HelpName = "ID/NAME", DefaultValueFactory = _ => [] };
    private readonly Option<bool> _all = new("--all") { Description = "no attachment stays: every container is taken out of the network" };

    public CniGcCommand(TimeProvider time)
        : base("gc", "Removes everything of a network that belongs to no attachment given as valid: first by the DEL of what the cache knows, then by each plugin's GC.", time)
    {
        Arguments.Add(_namespace);
        Options.Add(_valid);
        Options.Add(_all);
        Validators.Add(result =>
        {
            // To forget an option must not cost every container its network.
            if (result.GetValue(_all) == (result.GetValue(_valid)!.Length > 0))
            {
                result.AddError("say which attachments stay with --valid ID/NAME, or that none does with --all");
            }
        });
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni gc mynet --valid 4f1c/eth0 --valid 9ab2/eth0", "all but these two"),
        ("fairlead cni gc mynet --all", "nothing is valid: every container is taken out"),
    ];

    protected override Task CallAsync(ParseResult parsed, CancellationToken ct)
        => Common.Runtime(parsed, Time).GcAsync([.. parsed.GetValue(_valid)!.Select(Key)], ct);

    private static CniAttachmentKey Key(string text)
        => text.Split('/') is [{ Length: > 0 } id, { Length: > 0 } name]
            ? new CniAttachmentKey(id, name)
            : throw new LabException($"--valid {text}: expected CONTAINERID/IFNAME", "fairlead cni gc --help") { IsWrongUsage = true };
}
