using System.Globalization;

namespace Fairlead.Lab.Pods;

/// <summary>Durations as Go prints them, because Kubernetes' messages hold them so ("back-off 1m20s restarting …").</summary>
internal static class GoDuration
{
    public static string Format(TimeSpan value)
    {
        var culture = CultureInfo.InvariantCulture;
        if (value < TimeSpan.FromSeconds(1))
        {
            return string.Create(culture, $"{(long)value.TotalMilliseconds}ms");
        }

        var seconds = (value.Seconds + (value.Milliseconds / 1000.0)).ToString("0.###", culture) + "s";
        return (long)value.TotalHours switch
        {
            > 0 and var hours => string.Create(culture, $"{hours}h{value.Minutes}m") + seconds,
            _ when value.Minutes > 0 => string.Create(culture, $"{value.Minutes}m") + seconds,
            _ => seconds,
        };
    }
}
