namespace Fairlead.Cni.Protocol;

/// <summary>What one ADD makes and one DEL removes: an interface of a container.</summary>
public readonly record struct CniAttachmentKey(string ContainerId, string InterfaceName);
