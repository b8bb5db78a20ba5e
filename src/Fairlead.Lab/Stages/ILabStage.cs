namespace Fairlead.Lab.Stages;

/// <summary>One part of a lab: it is brought up in order and taken down in the reverse of it, by its disposal.</summary>
/// <remarks>Disposal removes the part, however far its start came, and does not throw for what is gone already.</remarks>
internal interface ILabStage : IAsyncDisposable
{
    /// <summary>What a person is told has come up.</summary>
    string Name { get; }

    /// <summary>Returns once the part works.</summary>
    Task StartAsync(CancellationToken ct);

    /// <summary>What goes on in the lab's process after the start, if anything does: it fails when the part can work no longer.</summary>
    Task Running => Task.CompletedTask;
}
