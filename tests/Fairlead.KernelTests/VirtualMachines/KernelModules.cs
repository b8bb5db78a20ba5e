namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>The index that <c>depmod</c> made of a kernel's modules.</summary>
internal static class KernelModules
{
    /// <summary>The files of modules and of those that they need, each after those that it needs.</summary>
    /// <param name="folder">What holds <c>lib/modules</c>.</param>
    /// <param name="names">The modules' names.</param>
    public static IReadOnlyList<string> InOrder(string folder, IEnumerable<string> names)
    {
        var root = Directory.GetDirectories(Path.Combine(folder, "lib", "modules")).Single();
        var needs = File.ReadLines(Path.Combine(root, "modules.dep")).Select(line => line.Split(':'))
            .ToDictionary(parts => parts[0], parts => parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var order = new List<string>();
        void Add(string module)
        {
            foreach (var needed in needs[module])
            {
                Add(needed);
            }

            if (!order.Contains(module))
            {
                order.Add(module);
            }
        }

        foreach (var name in names)
        {
            Add(needs.Keys.Single(module => Path.GetFileName(module) == $"{name}.ko"));
        }

        return [.. order.Select(module => Path.Combine(root, module))];
    }
}
