using System.Net;

namespace Fairlead.Dns.Server;

/// <summary>Takes queries in at one address by one transport. Disposing it answers what it has taken in, then closes.</summary>
internal interface IDnsListener : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }

    /// <summary>Begins to read queries.</summary>
    void Start();
}
