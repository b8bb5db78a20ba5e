using System.CommandLine;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni check</c>: asks whether what was made is still so.</summary>
internal sealed class CniCheckCommand : CniVerb
{
    private readonly Argument<string> _namespace = CniAddCommand.NamespaceArgument();

    public CniCheckCommand(TimeProvider time)
        : base("check", "Asks each plugin whether what its ADD made is still as it was made. Needs CNI 0.4.0 or later; disableCheck switches it off.", time)
    {
        Arguments.Add(_namespace);
        Common.AddAttachmentTo(this);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead cni check mynet red", "says nothing and ends with 0 where all is as it was")];

    protected override Task CallAsync(ParseResult parsed, CancellationToken ct)
        => Common.Runtime(parsed, Time).CheckAsync(Common.Attachment(parsed, parsed.GetValue(_namespace)!), ct);
}
