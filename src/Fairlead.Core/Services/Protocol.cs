namespace Fairlead.Core.Services;

/// <summary>Transport protocols of Services, numbered as in the IP header.</summary>
public enum Protocol : byte
{
    Tcp = 6,
    Udp = 17,
    Sctp = 132,
}
