using System.CommandLine;
using Fairlead.Cni.Protocol;
using Fairlead.CommandLine;

namespace Fairlead.Commands.Cni;

/// <summary>A command that calls plugins: it tells a failure in the specification's terms.</summary>
internal abstract class CniVerb : FairleadCommand
{
    private readonly Option<string> _output = OutputFormat.Option();

    protected CniVerb(string name, string description, TimeProvider time)
        : base(name, description)
    {
        Time = time;
        Common.AddTo(this);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    protected CniOptions Common { get; } = new();

    protected TimeProvider Time { get; }

    protected bool IsJson(ParseResult parsed) => parsed.GetValue(_output) == "json";

    protected abstract Task CallAsync(ParseResult parsed, CancellationToken ct);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        try
        {
            await CallAsync(parsed, ct);
            return ExitCode.Done;
        }
        catch (CniException e)
        {
            Tell(parsed, e);
        }
        catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is CniException))
        {
            foreach (var inner in e.InnerExceptions.Cast<CniException>())
            {
                Tell(parsed, inner);
            }
        }

        return ExitCode.Failed;
    }

    private void Tell(ParseResult parsed, CniException failure)
    {
        if (IsJson(parsed))
        {
            Console.Out.WriteLine(failure.ToJson());
        }

        ErrorView.Write(Console.Error, $"{failure.Message} (code {(int)failure.Code})");
        if (failure.Details is { } details)
        {
            Console.Error.WriteLine($"  {details}");
        }
    }
}
