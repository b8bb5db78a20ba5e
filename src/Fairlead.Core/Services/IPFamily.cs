using System.Net;

namespace Fairlead.Core.Services;

/// <summary>The two families of IP addresses.</summary>
public enum IPFamily : byte
{
    IPv4 = 4,
    IPv6 = 6,
}

/// <summary>What the BCL's addresses do not say in our words.</summary>
public static class AddressExtensions
{
    extension(IPAddress address)
    {
        public IPFamily Family => (int)address.AddressFamily == 2 ? IPFamily.IPv4 : IPFamily.IPv6;
    }
}
