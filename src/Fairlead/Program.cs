namespace Fairlead;

/// <summary>The entry point of <c>fairlead</c>.</summary>
internal static class Program
{
    private static int Main() => 0;
}
