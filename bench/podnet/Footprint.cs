using System.Diagnostics;
using System.Globalization;

namespace Fairlead.Bench.PodNet;

/// <summary>What a process takes of the machine.</summary>
internal readonly record struct Footprint(double RssMiB, double PssMiB, TimeSpan Cpu)
{
    internal static Footprint Of(Process process)
    {
        process.Refresh();
        double rss = 0, pss = 0;
        foreach (var line in File.ReadLines($"/proc/{process.Id}/smaps_rollup"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "Rss:":
                    rss = double.Parse(words[1], CultureInfo.InvariantCulture) / 1024;
                    break;
                case "Pss:":
                    pss = double.Parse(words[1], CultureInfo.InvariantCulture) / 1024;
                    break;
            }
        }

        return new(rss, pss, process.TotalProcessorTime);
    }
}
