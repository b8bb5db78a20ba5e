using System.CommandLine;
using System.Globalization;
using Fairlead.CommandLine;
using Fairlead.Lab;

namespace Fairlead.Commands;

/// <summary><c>fairlead up</c>: brings a lab up and shows it.</summary>
internal sealed class UpCommand : FairleadCommand
{
    private readonly UpOptions _options = new();
    private readonly Option<bool> _foreground = new("--foreground") { Description = "hold the lab in this process until it is interrupted" };
    private readonly Option<bool> _progressLines = new("--progress-lines") { Hidden = true };
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    public UpCommand(TimeProvider time)
        : base("up", "Brings up a cluster network on this machine: nodes, pods, Services, DNS and Ingress, for stock kubectl.")
    {
        _time = time;
        _options.AddTo(this);
        Options.Add(_foreground);
        Options.Add(_progressLines);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead up", "three nodes, the API server on port 6443"),
        ("fairlead up --name ci --nodes 1 -o json", "a small second lab, for a program to read"),
        ("fairlead up -f examples/online-store/", "a lab with manifests applied"),
        ("fairlead up --foreground", "until Ctrl-C"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var options = _options.Read(parsed);
        var kubectl = LabControl.Check(options);
        var paths = new LabPaths(LabPaths.StateRoot(), options.Name);
        var json = parsed.GetValue(_output) == "json";
        if (LabControl.FindRunning(paths) is not null)
        {
            Console.Error.WriteLine($"lab '{options.Name}' is up already");
            return await ShowAsync(paths, json, ct);
        }

        if (parsed.GetValue(_foreground))
        {
            return await HoldAsync(options, paths, kubectl, parsed.GetValue(_progressLines), json, ct);
        }

        string[] words = ["up", "--foreground", "--progress-lines", .. UpOptions.Words(options)];
        await LabControl.StartAsync(words, Say, ct);
        return await ShowAsync(paths, json, ct);
    }

    /// <summary>Holds the lab in this process. With progress lines, another process waits for them, and they end when the lab is ready.</summary>
    private async Task<int> HoldAsync(LabOptions options, LabPaths paths, string kubectl, bool lines, bool json, CancellationToken ct)
    {
        var lab = new LabHost(options, paths, kubectl, _time);
        try
        {
            await lab.RunAsync(
                progress =>
                {
                    if (lines)
                    {
                        TellWaiting(progress);
                    }
                    else if (progress.Ready)
                    {
                        ShowAsync(paths, json, ct).GetAwaiter().GetResult();
                    }
                    else
                    {
                        Say(progress);
                    }
                },
                ct);
            return ExitCode.Done;
        }
        catch (Exception e) when (lines && e is not OperationCanceledException)
        {
            TellWaiting(e is LabException failure
                ? new LabProgress(Failed: failure.Message, Remedy: failure.Remedy)
                : new LabProgress(Failed: $"{e.GetType().Name}: {e.Message}", Remedy: "fairlead up --foreground, to see more"));
            return ExitCode.Failed;
        }
    }

    private static void TellWaiting(LabProgress progress)
    {
        try
        {
            Console.Out.WriteLine(progress.ToLine());
            if (progress.Ready)
            {
                Console.Out.Close();
            }
        }
        catch (IOException)
        {
            // Whoever waited is gone; the lab stays.
        }
    }

    private static void Say(LabProgress progress)
        => Console.Error.WriteLine(progress.Part is { } part
            ? string.Create(CultureInfo.InvariantCulture, $"{progress.Seconds,7:0.000} s  {part}")
            : $"note: {progress.Note}");

    private async Task<int> ShowAsync(LabPaths paths, bool json, CancellationToken ct)
    {
        var record = Lab.State.LabRecord.Read(paths) ?? throw new LabException($"lab '{paths.Name}' is gone", "fairlead up");
        var status = await LabInspector.InspectAsync(paths, record, _time, ct);
        if (json)
        {
            Console.Out.WriteLine(status.ToJson());
        }
        else
        {
            LabStatusView.Write(People.Console(), status);
        }

        return ExitCode.Done;
    }
}
