using System.CommandLine;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni del</c>: takes a namespace out of a network.</summary>
internal sealed class CniDelCommand : CniVerb
{
    private readonly Argument<string> _namespace = CniAddCommand.NamespaceArgument();

    public CniDelCommand(TimeProvider time)
        : base("del", "Takes a network namespace out of a network: runs the DEL of each plugin, the last first, by what the ADD was given. What is gone is done.", time)
    {
        Arguments.Add(_namespace);
        Common.AddAttachmentTo(this);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni del mynet red", "also when red itself is gone: its addresses and ports are free again"),
        ("fairlead cni del mynet red --ifname eth1", "another interface than eth0"),
    ];

    protected override Task CallAsync(ParseResult parsed, CancellationToken ct)
        => Common.Runtime(parsed, Time).DelAsync(Common.Attachment(parsed, parsed.GetValue(_namespace)!), ct);
}
