using System.Globalization;

namespace Fairlead.Bench.Kernel;

/// <summary>Prints what was measured: ours, the stock tool's, and how many times as fast ours is.</summary>
internal sealed class Table(string title, string stock)
{
    private readonly List<(string What, double[] Ours, double[] Stock, double Aim)> _rows = [];

    internal void Add(string what, double[] ours, double[] stockTimes, double aim = 0) => _rows.Add((what, ours, stockTimes, aim));

    /// <summary>Medians, with the best and the worst beside them.</summary>
    internal void Print()
    {
        Console.WriteLine(title);
        Console.WriteLine(Line("", "Fairlead, ms", $"{stock}, ms", "ratio", "aim"));
        foreach (var (what, ours, stockTimes, aim) in _rows)
        {
            Console.WriteLine(Line(
                what,
                Text(ours),
                stockTimes.Length == 0 ? "-" : Text(stockTimes),
                stockTimes.Length == 0 ? "-" : Invariant($"{Median(stockTimes) / Median(ours):0.0}"),
                aim > 0 ? Invariant($"{aim:0}") : "-"));
        }

        Console.WriteLine();
    }

    private static string Line(string what, string ours, string stock, string ratio, string aim) => $"{what,-58} {ours,26} {stock,26} {ratio,7} {aim,5}";

    private static string Text(double[] times) => Invariant($"{Median(times):0.###} ({times.Min():0.###}-{times.Max():0.###})");

    private static double Median(double[] times)
    {
        var sorted = times.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
