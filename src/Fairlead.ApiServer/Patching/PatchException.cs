namespace Fairlead.ApiServer.Patching;

/// <summary>A patch that makes no sense, or not for this object.</summary>
internal sealed class PatchException(string message) : Exception(message);
