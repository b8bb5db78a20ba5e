namespace Fairlead.Linux.Netlink.Route;

/// <summary>The creation of an interface that may be for another namespace than the socket's.</summary>
/// <remarks>
/// Kernels before 6.14 refuse a name that a link of the socket's namespace has, also where the new one is to be elsewhere. There it is made
/// under a name that nobody has, and gets its own where it is.
/// </remarks>
internal static class ForeignLink
{
    public static void Create(RouteSocket here, LinkSpec spec)
    {
        if (here.Apply(new CreateLink(spec))[0] is not { } error)
        {
            return;
        }

        if (!error.IsExists || spec.Namespace is null || here.FindLink(spec.Name) is null)
        {
            throw error;
        }

        using var there = RouteSocket.Open(spec.Namespace);
        if (there.FindLink(spec.Name) is not null)
        {
            throw error;
        }

        var passing = $"new{Guid.NewGuid():N}"[..LinkSpec.MaxNameLength];
        if (here.Apply(new CreateLink(spec with { Name = passing, Up = false }))[0] is { } refusal)
        {
            throw new LinuxException(error.Operation, refusal.Errno, refusal.Detail) { Attribute = refusal.Attribute };
        }

        var made = there.GetLink(passing).Index;
        try
        {
            there.SetLink(made, new LinkChange { Name = spec.Name, Up = spec.Up ? true : null });
        }
        catch (LinuxException)
        {
            there.DeleteLink(made);
            throw;
        }
    }
}
