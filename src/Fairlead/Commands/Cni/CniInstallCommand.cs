using System.CommandLine;
using Fairlead.Cni.Runtime;
using Fairlead.CommandLine;
using Fairlead.Lab;

namespace Fairlead.Commands.Cni;

/// <summary><c>fairlead cni install</c>: puts the plugins into a folder.</summary>
internal sealed class CniInstallCommand : FairleadCommand
{
    private readonly Argument<string> _folder = new("DIR") { Description = "the folder of plugins; made if it is missing" };
    private readonly Option<bool> _replace = new("--replace") { Description = "another's plugin of the same name gives way" };
    private readonly Option<bool> _remove = new("--remove") { Description = "remove Fairlead's links instead" };
    private readonly Option<string> _output = OutputFormat.Option();

    public CniInstallCommand()
        : base("install", "Puts Fairlead's plugins into a folder: for each a link to fairlead-cni. Other files of the folder stay as they are.")
    {
        Arguments.Add(_folder);
        Options.Add(_replace);
        Options.Add(_remove);
        Options.Add(_output);
        SetAction(Run);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead cni install /opt/cni/bin", "a second time there is nothing to do"),
        ("fairlead cni install /opt/cni/bin --replace", "in place of the reference plugins"),
        ("fairlead cni install /opt/cni/bin --remove", "takes them out again"),
    ];

    private int Run(ParseResult parsed)
    {
        var (folder, json) = (parsed.GetValue(_folder)!, parsed.GetValue(_output) == "json");
        if (parsed.GetValue(_remove))
        {
            var removed = CniInstall.Unlink(folder);
            Console.Out.WriteLine(json ? CniInstallJson.Write(new([], [], removed)) : $"{folder}: {Listed(removed, "removed")}");
            return ExitCode.Done;
        }

        var executable = CniInstall.FindExecutable()
            ?? throw new LabException($"{CniInstall.ExecutableName} is not beside {Environment.ProcessPath}", "build both with ./fairlead");
        var done = CniInstall.Link(Lasting(executable), folder, parsed.GetValue(_replace));
        Console.Out.WriteLine(json ? CniInstallJson.Write(new(done.Changed, done.Others, [])) : $"{folder}: {Listed(done.Changed, "made")}");
        if (done.Others.IsEmpty)
        {
            return ExitCode.Done;
        }

        ErrorView.Write(Console.Error, $"{folder}: another's, and left as they are: {string.Join(", ", done.Others)}", $"fairlead cni install {folder} --replace");
        return ExitCode.Failed;
    }

    /// <summary>A build's own folder goes with a later build; the link beside it that leads to the newest stays.</summary>
    private static string Lasting(string executable)
    {
        var folder = Path.GetDirectoryName(executable)!;
        var newest = Path.Combine(Path.GetDirectoryName(folder) ?? "/", "current");
        return Directory.ResolveLinkTarget(newest, returnFinalTarget: true) is { } target && target.FullName == folder
            ? Path.Combine(newest, Path.GetFileName(executable))
            : executable;
    }

    private static string Listed(IReadOnlyCollection<string> names, string what)
        => names.Count == 0 ? "nothing to do" : $"{what}: {string.Join(", ", names)}";
}
