using System.Diagnostics;
using System.Globalization;

namespace Fairlead.Tests.Linux;

/// <summary>Feeds a decoder with mutations of real messages, and says what must be true of it: no crash, no hang, no read past the end.</summary>
/// <remarks>
/// Reading past the end is seen by decoding each input twice, the second time amid other bytes: what is told then must be the same.
/// A failure names the seed; <c>FUZZ_SEED</c> in the environment repeats it and <c>FUZZ_ROUNDS</c> makes a run longer.
/// </remarks>
public static class Fuzz
{
    private const int Margin = 64;

    /// <summary>Far more than any input takes: a decoder that has not ended by then hangs.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Tells what a decoder makes of an input, as text.</summary>
    public delegate string Decoder(ReadOnlySpan<byte> input);

    /// <param name="corpus">Real inputs, which are decoded as they are and then changed.</param>
    /// <param name="decode">Tells what the decoder makes of an input; two calls with the same bytes must tell the same.</param>
    /// <param name="rounds">How many changed inputs to try.</param>
    public static void Run(IReadOnlyList<byte[]> corpus, Decoder decode, int rounds = 20_000)
    {
        Assert.NotEmpty(corpus);
        var seed = Number("FUZZ_SEED") ?? Random.Shared.Next();
        rounds = Number("FUZZ_ROUNDS") ?? rounds;
        byte[] input = [];
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var random = new Random(seed);
                foreach (var whole in corpus)
                {
                    input = whole;
                    Check(input, decode, random);
                }

                for (var i = 0; i < rounds; i++)
                {
                    input = Mutate(corpus, random);
                    Check(input, decode, random);
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        {
            IsBackground = true,
            Name = "fuzz",
        };
        thread.Start();
        var ended = thread.Join(s_patience + (s_patience * (rounds / 100_000)));
        Assert.True(ended, $"hangs: FUZZ_SEED={seed}, input {Convert.ToHexString(input)}");
        if (failure is not null)
        {
            Assert.Fail($"FUZZ_SEED={seed}, input {Convert.ToHexString(input)}: {failure}");
        }
    }

    /// <summary>Every beginning of every input: what a cut message gives.</summary>
    public static void RunCut(IReadOnlyList<byte[]> corpus, Decoder decode)
    {
        var random = new Random(1);
        foreach (var whole in corpus)
        {
            // Long ones are cut at each place of their beginning and then at every 13th, which meets all alignments.
            for (var length = 0; length <= whole.Length; length += length < 512 ? 1 : 13)
            {
                Check(whole[..length], decode, random);
            }
        }
    }

    private static void Check(byte[] input, Decoder decode, Random random)
    {
        var alone = decode(input);
        var amid = new byte[input.Length + (2 * Margin)];
        random.NextBytes(amid);
        input.CopyTo(amid.AsSpan(Margin));
        var again = decode(amid.AsSpan(Margin, input.Length));
        if (alone != again)
        {
            throw new UnreachableException($"what follows the input changes what is read:\n{alone}\n{again}");
        }
    }

    /// <summary>Changes that find faults in parsers of lengths and types: flipped bits, odd numbers, cuts, repeats, parts of another.</summary>
    private static byte[] Mutate(IReadOnlyList<byte[]> corpus, Random random)
    {
        var bytes = new List<byte>(corpus[random.Next(corpus.Count)]);
        for (var n = random.Next(1, 6); n > 0 && bytes.Count > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes[at] = random.Next(2) == 0 ? (byte)0 : (byte)0xff;
                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 9)));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    bytes.InsertRange(at, [.. bytes.GetRange(at, Math.Min(bytes.Count - at, random.Next(1, 33)))]);
                    break;
                case 6:
                    var other = corpus[random.Next(corpus.Count)];
                    bytes.InsertRange(at, other.AsSpan(random.Next(other.Length + 1)));
                    break;
                default:
                    // The length of an attribute or message, which stands at a multiple of four.
                    bytes[at & ~3] = (byte)random.Next(0, 24);
                    break;
            }
        }

        return [.. bytes];
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
