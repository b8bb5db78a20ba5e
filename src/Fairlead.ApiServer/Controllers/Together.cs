namespace Fairlead.ApiServer.Controllers;

/// <summary>Tasks of which none may end before the others.</summary>
internal static class Together
{
    /// <summary>Ends as the first of them does: in a fault, or cancelled. Who waits then cancels the rest.</summary>
    public static async Task RunAsync(params IEnumerable<Task> tasks) => await await Task.WhenAny(tasks);
}
