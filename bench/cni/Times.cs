using System.Diagnostics;
using System.Globalization;

namespace Fairlead.Bench.Cni;

/// <summary>What ADDs and DELs took.</summary>
internal sealed class Times
{
    internal Series Add { get; } = new();

    internal Series Del { get; } = new();
}

/// <summary>Wall and processor times of one thing that was done many times.</summary>
internal sealed class Series
{
    private readonly List<double> _wall = [];
    private double _cpu;

    /// <summary>Median, and the least beside it.</summary>
    internal string Wall => string.Create(CultureInfo.InvariantCulture, $"{Median:0.0} ({_wall.Min():0.0})");

    internal double Median => _wall.Order().ElementAt(_wall.Count / 2);

    /// <summary>The mean: one call is little beside the grain of the kernel's clock.</summary>
    internal double Cpu => _cpu / _wall.Count;

    internal async Task MeasureAsync(Func<Task> work)
    {
        var (cpu, watch) = (Usage.Milliseconds(), Stopwatch.StartNew());
        await work();
        _wall.Add(watch.Elapsed.TotalMilliseconds);
        _cpu += Usage.Milliseconds() - cpu;
    }
}
