using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Fixtures;

/// <summary>Two nodes joined by a veth pair (eth0 on each, 198.51.100.1 and .2, 2001:db8::1 and ::2), made for one test class and gone with it.</summary>
public sealed class TwoNodes : IDisposable
{
    private readonly TestNamespaces _namespaces = new();

    public TwoNodes()
    {
        (A, B) = (_namespaces.New("a"), _namespaces.New("b"));
        using var a = RouteSocket.Open(A);
        using var b = RouteSocket.Open(B);
        var near = a.CreateVeth(new("eth0") { PeerName = "eth0", PeerNamespace = B, Up = true, PeerUp = true });
        Configure(a, near.Index, AddressA, "2001:db8::1/64");
        Configure(b, b.GetLink("eth0").Index, AddressB, "2001:db8::2/64");
    }

    public NetworkNamespace A { get; }

    public NetworkNamespace B { get; }

    public static InterfaceAddress AddressA { get; } = InterfaceAddress.Parse("198.51.100.1/24");

    public static InterfaceAddress AddressB { get; } = InterfaceAddress.Parse("198.51.100.2/24");

    public void Dispose() => _namespaces.Dispose();

    private static void Configure(RouteSocket socket, int link, InterfaceAddress v4, string v6)
    {
        socket.SetUp(socket.GetLink("lo").Index);
        socket.ReplaceAddress(link, v4);
        socket.ReplaceAddress(link, InterfaceAddress.Parse(v6), AddressFlags.NoDuplicateDetection);
    }
}
