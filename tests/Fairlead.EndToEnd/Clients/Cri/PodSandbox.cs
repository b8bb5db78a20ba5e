namespace Fairlead.EndToEnd.Clients.Cri;

/// <summary>A pod to be made, as a kubelet describes it.</summary>
internal sealed record PodSandbox(string Name)
{
    public IReadOnlyList<(int Protocol, int ContainerPort, int HostPort)> Ports { get; init; } = [];

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public ProtobufWriter ToMessage()
    {
        var message = new ProtobufWriter()
            .Message(1, new ProtobufWriter().Text(1, Name).Text(2, $"uid-{Name}").Text(3, "app-space").Number(4, 0))
            .Text(2, Name)
            .Message(4, new ProtobufWriter().Text(1, "10.96.0.10").Text(2, "app-space.svc.cluster.local"));
        foreach (var (protocol, containerPort, hostPort) in Ports)
        {
            message.Message(5, new ProtobufWriter().Number(1, protocol).Number(2, containerPort).Number(3, hostPort));
        }

        return message.Map(7, Annotations).Message(8, new ProtobufWriter().Text(1, "/pods"));
    }
}
