using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Processes;

/// <summary>A null-ended array of strings as C has it.</summary>
public sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    /// <exception cref="ArgumentException">A text holds a zero byte, which would end it.</exception>
    public NativeStrings(IEnumerable<string> strings)
    {
        var list = strings.ToList();
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)(list.Count + 1), (nuint)sizeof(byte*));
        foreach (var text in list)
        {
            if (text.Contains('\0', StringComparison.Ordinal))
            {
                Dispose();
                throw new ArgumentException("an argument, path or variable with a zero byte cannot be passed", nameof(strings));
            }

            var length = Encoding.UTF8.GetByteCount(text);
            var memory = (byte*)NativeMemory.Alloc((nuint)length + 1);
            _ = Encoding.UTF8.GetBytes(text, new Span<byte>(memory, length));
            memory[length] = 0;
            Pointers[_count++] = memory;
        }
    }

    public byte** Pointers { get; private set; }

    public void Dispose()
    {
        if (Pointers is null)
        {
            return;
        }

        for (var i = 0; i < _count; i++)
        {
            NativeMemory.Free(Pointers[i]);
        }

        NativeMemory.Free(Pointers);
        Pointers = null;
    }
}
