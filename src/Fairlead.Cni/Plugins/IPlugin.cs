using System.Collections.Immutable;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>One plugin: the specification's verbs but VERSION, which is the same for all.</summary>
/// <remarks>
/// ADD undoes what it did when it fails. DEL and GC treat what is gone as done. A delegate is called through this too,
/// so a plugin must not keep state between calls.
/// </remarks>
internal interface IPlugin
{
    CniResult Add(PluginCall call);

    void Delete(PluginCall call);

    void Check(PluginCall call);

    void Status(PluginCall call);

    void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid);
}
