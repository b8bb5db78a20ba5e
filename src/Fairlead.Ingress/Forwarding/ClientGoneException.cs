namespace Fairlead.Ingress.Forwarding;

/// <summary>The client no longer waits for its answer; nginx logs it as 499.</summary>
internal sealed class ClientGoneException() : IOException("the client is gone");
