using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Reporting;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Tests.Pods;

public sealed class PodStatusCompilerTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ContainerState s_running = new() { Running = new ContainerStateRunning { StartedAt = s_now } };
    private static readonly ContainerState s_waiting = new() { Waiting = new ContainerStateWaiting { Reason = "ContainerCreating" } };

    public static TheoryData<string, string, ContainerState, ContainerState?, string> Phases => new()
    {
        { "nothing started yet", "Always", s_waiting, null, "Pending" },
        { "it runs", "Always", s_running, null, "Running" },
        { "it will be restarted", "Always", Ended(1), null, "Running" },
        { "it waits for its restart", "Always", s_waiting, Ended(1), "Running" },
        { "it ended well and is not to run again", "OnFailure", Ended(0), null, "Succeeded" },
        { "it failed and is to run again", "OnFailure", Ended(1), null, "Running" },
        { "it failed for good", "Never", Ended(1), null, "Failed" },
        { "it ended well for good", "Never", Ended(0), null, "Succeeded" },
    };

    [Theory, MemberData(nameof(Phases))]
    public void The_phase_is_kubelets(string because, string policy, ContainerState state, ContainerState? last, string phase)
    {
        var pod = Pod(policy, "web");

        var status = Compile(pod, Seen(new ContainerStatus { Name = "web", State = state, LastState = last }));

        Assert.True(phase == status.Phase, because);
    }

    [Fact]
    public void A_pod_whose_init_container_has_not_ended_is_pending_and_says_which()
    {
        var pod = Pod("Always", "web") with { Spec = Pod("Always", "web").Spec with { InitContainers = [new Container { Name = "prepare" }] } };
        var seen = Seen(new ContainerStatus { Name = "web", State = s_waiting }) with { InitContainers = [new ContainerStatus { Name = "prepare", State = s_running }] };

        var status = Compile(pod, seen);

        Assert.Equal("Pending", status.Phase);
        Assert.Equal("containers with incomplete status: [prepare]", Condition(status, "Initialized").Message);
    }

    [Fact]
    public void An_init_container_that_failed_for_good_fails_the_pod()
    {
        var pod = Pod("Never", "web") with { Spec = Pod("Never", "web").Spec with { InitContainers = [new Container { Name = "prepare" }] } };
        var seen = Seen(new ContainerStatus { Name = "web", State = s_waiting }) with { InitContainers = [new ContainerStatus { Name = "prepare", State = Ended(3) }] };

        Assert.Equal("Failed", Compile(pod, seen).Phase);
    }

    [Fact]
    public void Ready_needs_every_container_and_every_gate()
    {
        var pod = Pod("Always", "a", "b");
        var oneReady = Seen(Running("a", true), Running("b", false));
        var bothReady = Seen(Running("a", true), Running("b", true));
        var gated = pod with { Spec = pod.Spec with { ReadinessGates = [new PodReadinessGate { ConditionType = "lab/gate" }] } };
        var opened = gated with { Status = new PodStatus { Conditions = [new Condition { Type = "lab/gate", Status = "True" }] } };

        Assert.Equal("containers with unready status: [b]", Condition(Compile(pod, oneReady), "Ready").Message);
        Assert.Equal("True", Condition(Compile(pod, bothReady), "Ready").Status);
        Assert.Equal("ReadinessGatesNotReady", Condition(Compile(gated, bothReady), "Ready").Reason);
        Assert.Equal("True", Condition(Compile(opened, bothReady), "Ready").Status);
        Assert.Equal("True", Condition(Compile(opened, bothReady), "lab/gate").Status);
    }

    [Fact]
    public void A_condition_keeps_its_time_until_it_changes()
    {
        var pod = Pod("Always", "a");
        var first = PodStatusCompiler.Compile(pod, Seen(Running("a", false)), default, s_now);

        var later = PodStatusCompiler.Compile(pod, Seen(Running("a", true)), first.Conditions, s_now.AddMinutes(1));
        var unchanged = PodStatusCompiler.Compile(pod, Seen(Running("a", true)), later.Conditions, s_now.AddMinutes(2));

        Assert.Equal(s_now.AddMinutes(1), Condition(later, "Ready").LastTransitionTime);
        Assert.Equal(s_now, Condition(later, "PodScheduled").LastTransitionTime);
        Assert.Equal(later, unchanged);
    }

    [Fact]
    public void A_pod_ended_by_its_deadline_has_failed_even_if_it_ended_well()
    {
        var seen = Seen(new ContainerStatus { Name = "a", State = Ended(0) }) with { IsEnding = true, Reason = "DeadlineExceeded" };

        Assert.Equal("Failed", Compile(Pod("Always", "a"), seen).Phase);
    }

    [Fact]
    public void A_pod_that_ended_is_not_ready_because_it_is_complete()
    {
        var status = Compile(Pod("Never", "a"), Seen(new ContainerStatus { Name = "a", State = Ended(0) }));

        Assert.Equal(("False", "PodCompleted"), (Condition(status, "Ready").Status, Condition(status, "Ready").Reason));
        Assert.Equal(("True", "PodCompleted"), (Condition(status, "Initialized").Status, Condition(status, "Initialized").Reason));
    }

    [Theory]
    [InlineData("", "", "BestEffort")]
    [InlineData("cpu=1,memory=64Mi", "", "Guaranteed")]
    [InlineData("cpu=1,memory=64Mi", "cpu=1000m,memory=64Mi", "Guaranteed")]
    [InlineData("cpu=1,memory=64Mi", "cpu=500m", "Burstable")]
    [InlineData("", "cpu=1", "Burstable")]
    public void Quality_of_service_follows_requests_and_limits(string limits, string requests, string expected)
    {
        var spec = new PodSpec { Containers = [new Container { Resources = new ResourceRequirements { Limits = Map(limits), Requests = Map(requests) } }] };

        Assert.Equal(expected, QosClass.Of(spec));
    }

    private static EquatableMap Map(string text)
        => EquatableMap.Create(text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(e => KeyValuePair.Create(e.Split('=')[0], e.Split('=')[1])));

    private static PodStatus Compile(Pod pod, PodObservation seen) => PodStatusCompiler.Compile(pod, seen, pod.Status.Conditions, s_now);

    private static Condition Condition(PodStatus status, string type) => status.Conditions.Single(c => c.Type == type);

    private static Pod Pod(string policy, params string[] containers)
        => new() { Spec = new PodSpec { RestartPolicy = policy, Containers = containers.Select(c => new Container { Name = c }).ToEquatableArray() } };

    private static PodObservation Seen(params ContainerStatus[] containers)
        => new() { Addresses = new PodAddresses("198.19.0.2", ["10.32.0.7"]), HasSandbox = true, Containers = containers.ToEquatableArray() };

    private static ContainerStatus Running(string name, bool ready) => new() { Name = name, State = s_running, Ready = ready };

    private static ContainerState Ended(int code) => new() { Terminated = new ContainerStateTerminated { ExitCode = code, FinishedAt = s_now } };
}
