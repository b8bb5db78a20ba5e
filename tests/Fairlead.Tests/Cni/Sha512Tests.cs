using System.Security.Cryptography;
using System.Text;
using Fairlead.Cni.Plugins;

namespace Fairlead.Tests.Cni;

/// <summary>Our SHA-512 against the runtime's, around the ends of blocks.</summary>
public sealed class Sha512Tests
{
    [Fact]
    public void It_is_the_runtime_s_for_every_length_about_the_ends_of_blocks()
    {
        for (var length = 0; length < 300; length++)
        {
            var text = new string('a', length) + (length % 3 == 0 ? "ä" : "");

            Assert.Equal(Convert.ToHexStringLower(SHA512.HashData(Encoding.UTF8.GetBytes(text))), Sha512.Text(text));
        }
    }
}
