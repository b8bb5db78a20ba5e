using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Objects;

/// <summary>Deletes Events an hour after they last happened, as Kubernetes does: they are news, not a record.</summary>
internal sealed class EventExpiry(ObjectStore store, TimeProvider time)
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(s_period, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await SweepAsync(ct);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // The server stops, or cannot write now: whoever writes next is told, and the next sweep tries again.
            }
        }
    }

    public async Task SweepAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        foreach (var stored in store.Resource("events").State.Objects.Values)
        {
            if (now - LastSeen(stored.Parse()) > s_lifetime)
            {
                await store.WriteAsync("events", stored.Key, stored, null, ct);   // one that has just happened again stays
            }
        }
    }

    private static DateTimeOffset LastSeen(JsonObject value)
    {
        var latest = DateTimeOffset.MinValue;
        ReadOnlySpan<string> times =
        [
            value.Text("metadata", "creationTimestamp"), value.Text("lastTimestamp"), value.Text("eventTime"), value.Text("series", "lastObservedTime"),
        ];
        foreach (var text in times)
        {
            if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at > latest)
            {
                latest = at;
            }
        }

        return latest;
    }
}
