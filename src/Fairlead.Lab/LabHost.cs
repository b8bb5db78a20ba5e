using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Nodes;
using Fairlead.Lab.Pods;
using Fairlead.Lab.Stages;
using Fairlead.Lab.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Processes;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab;

/// <summary>A lab, held up by this process until it is told to stop.</summary>
public sealed partial class LabHost(LabOptions options, LabPaths paths, string kubectl, TimeProvider time)
{
    private readonly Lock _lock = new();
    private LabRecord? _record;

    /// <summary>Brings the lab up, says so, holds it until <paramref name="ct"/> fires, and takes it down again.</summary>
    /// <param name="tell">Told of each part as it comes up, on any thread, one at a time.</param>
    /// <param name="ct">Ends the lab.</param>
    /// <exception cref="LabException">It could not come up; nothing of it is left but what was there before.</exception>
    public async Task RunAsync(Action<LabProgress> tell, CancellationToken ct)
    {
        using var only = LabLock.Take(paths);
        var before = LabRecord.Read(paths);
        if (before is not null)
        {
            await HealAsync(before, tell);
        }

        RefuseStrangers(before is not null);
        using var log = new LabLog(paths.Log, time);
        using var logging = LoggerFactory.Create(b => b.AddProvider(log));
        var runner = new StageRunner(time, logging.CreateLogger<StageRunner>());
        var isReady = false;
        try
        {
            await StartAsync(runner, logging, tell, ct);
            isReady = true;
            tell(new LabProgress(Ready: true));
            await runner.HoldAsync(ct);
        }
        catch (OperationCanceledException) when (isReady && ct.IsCancellationRequested)
        {
            // This is how a lab ends.
        }
        catch (Exception e)
        {
            LogFailed(logging.CreateLogger<LabHost>(), e);
            await StopAsync(runner);
            Forget(keepObjects: before is not null || isReady);
            throw;
        }

        await StopAsync(runner);
        Forget(keepObjects: false);
    }

    private async Task StartAsync(StageRunner runner, ILoggerFactory logging, Action<LabProgress> tell, CancellationToken ct)
    {
        var others = LabPaths.All(Path.GetDirectoryName(paths.Folder)!).Where(p => p.Name != options.Name).Select(LabRecord.Read).OfType<LabRecord>()
            .Where(r => IsAlive(r));
        var port = ApiPort.Choose(options, others);
        var underlay = PlanUnderlay();
        using var self = ProcessHandle.Open(Environment.ProcessId)!;
        Record(new LabRecord
        {
            Name = options.Name,
            State = "starting",
            ProcessId = self.Id,
            ProcessStartTime = self.StartTime,
            BootId = Boot.Id,
            Options = options,
            ApiPort = port,
            UnderlayBlock = underlay.Block.ToString(),
        });

        await runner.StartAsync(
            Stages(port, underlay, logging, note => AddNote(note, tell)),
            timing =>
            {
                Change(r => r with { Timings = [.. r.Timings, timing] });
                tell(new LabProgress(Part: timing.Part, Seconds: timing.Seconds));
            },
            ct);
        Change(r => r with { State = "ready" });
    }

    private IEnumerable<ILabStage> Stages(int port, UnderlayPlan underlay, ILoggerFactory logging, Action<string> note)
    {
        yield return new UnderlayStage(options.Name, underlay);
        yield return new ResolverStage(underlay.HostAddress, time, logging.CreateLogger<ResolverStage>());
        var streams = new PodStreams();
        var api = new ApiStage(options, paths, port, underlay, streams, time, logging);
        yield return api;
        var watch = new WatchStage(() => api.Client, time);
        yield return watch;
        yield return new NodesStage(options, paths, underlay, api.Client, api.Server.Pki.AuthorityPem, streams, RegisterAgent, time, logging);
        yield return new AddonsStage(options, () => api.Client);
        yield return new WaitStage<Node>("nodes ready: agents, overlay, CNI", () => watch.Nodes, s => Readiness.OfNodes(s, underlay), paths, time);
        yield return new WaitStage<Deployment>("cluster DNS", () => watch.Deployments, s => Readiness.OfDeployment(s, "kube-system", "coredns"), paths, time);
        yield return new WaitStage<Deployment>("ingress controller", () => watch.Deployments, s => Readiness.OfDeployment(s, "fairlead-ingress", "ingress-controller"), paths, time);
        yield return new LocalPortsStage(() => watch.Services, underlay, note, time, logging.CreateLogger<LocalPortsStage>());
        yield return new AnswerStage("first answer of the ingress", new IPEndPoint(underlay.Nodes[0].Address, 30080), time);
        if (options.Manifests is { } manifests)
        {
            yield return new ManifestsStage(manifests, paths, kubectl);
        }
    }

    private async Task StopAsync(StageRunner runner)
    {
        if (_record is not null)
        {
            Change(r => r with { State = "stopping" });
        }

        await runner.StopAsync();
    }

    /// <summary>Removes what is left: after a start on an older lab's objects, those stay.</summary>
    private void Forget(bool keepObjects)
    {
        if (!keepObjects)
        {
            LabCleaner.Forget(paths);
        }
        else
        {
            LabCleaner.ForgetRun(paths);
        }
    }

    private async Task HealAsync(LabRecord before, Action<LabProgress> tell)
    {
        var cleaned = await LabCleaner.CleanAsync(paths, before, time);
        var objects = File.Exists(paths.Store) && options.Store is null ? "; its objects are kept" : "";
        tell(new LabProgress(Note: $"a lab of this name was killed: {cleaned} of it {(cleaned.Processes + cleaned.Namespaces == 1 ? "was" : "were")} removed{objects}"));
    }

    /// <summary>Namespaces are the machine's, state folders are a user's: another folder may hold a lab of the same name.</summary>
    private void RefuseStrangers(bool keepFolder)
    {
        var prefix = UnderlayPlanner.NamespacePrefix(options.Name);
        if (NetworkNamespace.List().FirstOrDefault(n => n.StartsWith(prefix, StringComparison.Ordinal)) is { } name)
        {
            if (!keepFolder)
            {
                LabCleaner.Forget(paths);
            }

            throw new LabException(
                $"a lab called '{options.Name}' is on this machine already, with another state folder than {Path.GetDirectoryName(paths.Folder)}: the namespace {name} is there",
                "choose another --name, or take that lab down with the XDG_STATE_HOME that it was started with");
        }
    }

    private UnderlayPlan PlanUnderlay()
    {
        using var routes = RouteSocket.Open();
        var taken = routes.Routes().Where(r => !r.IsIPv6 && r.Destination.PrefixLength > 0).Select(r => r.Destination)
            .Concat(routes.Addresses().Where(a => a.Address.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork).Select(a => a.Address.Network))
            .Append(IPNetwork.Parse(options.PodCidr))
            .Append(IPNetwork.Parse(options.ServiceCidr))
            .ToList();
        return UnderlayPlanner.Plan(options.Name, options.Nodes, taken)
            ?? throw new LabException("every /22 of 198.18.0.0/15 is routed on this host or used by the cluster, and the lab's nodes need one", "end another lab, or choose other ranges with --pod-cidr and --service-cidr");
    }

    internal static bool IsAlive(LabRecord record)
    {
        if (!record.IsOfThisBoot)
        {
            return false;
        }

        using var process = ProcessHandle.Open(record.ProcessId, record.ProcessStartTime);
        return process is not null;
    }

    private void RegisterAgent(string node, LabProcess? process)
    {
        Change(record =>
        {
            var agents = new Dictionary<string, LabProcess>(record.Agents, StringComparer.Ordinal);
            agents.Remove(node);
            if (process is not null)
            {
                agents[node] = process;
            }

            return record with { Agents = agents };
        });
    }

    private void AddNote(string note, Action<LabProgress> tell)
    {
        Change(r => r with { Notes = [.. r.Notes, note] });
        tell(new LabProgress(Note: note));
    }

    private void Record(LabRecord first)
    {
        lock (_lock)
        {
            _record = first;
            first.Write(paths);
        }
    }

    /// <summary>Changes the record, on disk before anybody goes on.</summary>
    private void Change(Func<LabRecord, LabRecord> change)
    {
        lock (_lock)
        {
            Record(change(_record ?? throw new InvalidOperationException("the lab has no record yet")));
        }
    }

    [LoggerMessage(LogLevel.Error, "The lab could not come up")]
    private static partial void LogFailed(ILogger logger, Exception e);
}
