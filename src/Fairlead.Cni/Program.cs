namespace Fairlead.Cni;

/// <summary>The entry point of <c>fairlead-cni</c>.</summary>
internal static class Program
{
    private static int Main() => 0;
}
