using Fairlead.Dns.Corefile;

namespace Fairlead.Tests.Dns;

/// <summary>The Corefile's grammar: what good files mean, and what bad ones are told.</summary>
public sealed class CorefileTests
{
    /// <summary>Good files. After <c>----</c> stands what they mean: keys, then directives with what is in their blocks.</summary>
    private const string Good = """
        == one block without braces
        example.org
        whoami
        ---- example.org. [whoami]
        == a block
        .:53 {
          errors
          cache 30
        }
        ---- .:53 [errors; cache 30]
        == several zones, with and without commas
        example.org, example.net:1053,
        dns://example.com {
          whoami
        }
        ---- example.org. example.net.:1053 example.com. [whoami]
        == several blocks
        a.example { 
          whoami 
        }
        b.example {
          whoami
        }
        ---- a.example. [whoami] b.example. [whoami]
        == a block inside a block
        . {
          forward . 1.1.1.1 {
            except a.example b.example
            policy sequential
          }
        }
        ---- . [forward . 1.1.1.1 {except a.example b.example; policy sequential}]
        == comments and empty lines
        # the cluster's
        . { # here too

          whoami # and here
        }
        ---- . [whoami]
        == quotes keep words together, escapes and line ends in them
        . {
          log . "{remote} \"{name}\"
        {type}"
        }
        ---- . [log . {remote} "{name}"\n{type}]
        == environment variables
        {$ZONE}:{$PORT} {
          forward . {%UP%}
        }
        ---- env.example.:5300 [forward . 9.9.9.9]
        == a variable that is not set is nothing
        . {
          forward . {$NOTHING}1.1.1.1
        }
        ---- . [forward . 1.1.1.1]
        == a snippet
        (common) {
          errors
          log
        }
        . {
          import common
          whoami
        }
        ---- . [errors; log; whoami]
        == a snippet with arguments
        (up) {
          forward {args[0]} {args.1}
        }
        . {
          import up . 8.8.8.8
        }
        ---- . [forward . 8.8.8.8]
        == a file inside a block
        . {
          import inner
        }
        ---- . [errors; cache 10]
        == files by pattern, sorted
        import conf.d/*.conf
        ---- a.example. [whoami] b.example. [whoami]
        == a pattern that matches nothing
        . {
          import none/*.conf
          whoami
        }
        ---- . [whoami]
        == a reverse zone of an IPv4 range
        10.0.0.0/24 {
          whoami
        }
        ---- 0.0.10.in-addr.arpa. [whoami]
        == a range that ends inside a label
        10.0.0.0/15:1053 {
          whoami
        }
        ---- 0.10.in-addr.arpa.:1053 1.10.in-addr.arpa.:1053 [whoami]
        == a reverse zone of an IPv6 range
        2001:db8::/32 {
          whoami
        }
        ---- 8.b.d.0.1.0.0.2.ip6.arpa. [whoami]
        == zones are lower-cased
        EXAMPLE.org {
          whoami
        }
        ---- example.org. [whoami]
        == a server block with nothing in it
        . {
        }
        ---- . []
        == the empty zone is the root
        :1053 {
          whoami
        }
        ---- .:1053 [whoami]
        == Windows line ends
        . {\r
          whoami\r
        }\r
        ---- . [whoami]
        == the note's first Corefile
        . {
          hosts /etc/hosts
        }
        ---- . [hosts /etc/hosts]
        == the note's second Corefile
        .:53 {
          errors
          health
          kubernetes cluster.local in-addr.arpa ip6.arpa {
            pods insecure
            upstream
            fallthrough in-addr.arpa ip6.arpa
          }
          prometheus :9153
          proxy . /etc/resolv.conf
          cache 30
          reload
        }
        ---- .:53 [errors; health; kubernetes cluster.local in-addr.arpa ip6.arpa {pods insecure; upstream; fallthrough in-addr.arpa ip6.arpa}; prometheus :9153; proxy . /etc/resolv.conf; cache 30; reload]
        """;

    /// <summary>Bad files, and after <c>----</c> the message.</summary>
    private const string Bad = """
        == a block that is not closed
        . {
          whoami
        ---- Corefile:1: the block that opens here is never closed: '}' expected before the end of the file
        == an inner block that is not closed
        . {
          hosts {
            1.2.3.4 a
        }
        ---- Corefile:1: the block that opens here is never closed: '}' expected before the end of the file
        == a brace too many
        . {
        }
        }
        ---- Corefile:3: unexpected '}' because no matching opening brace
        == a brace that is part of the zone
        example.org{
          whoami
        }
        ---- Corefile:1: 'example.org{': put a space before the opening brace
        == a brace on a line of its own
        . {
          hosts
          {
          }
        }
        ---- Corefile:3: unexpected '{': it must end a line that begins with a directive
        == a quote that is not closed
        . {
          log "x
        }
        ---- Corefile:2: a quote that opens here is never closed
        == a port that is none
        .:abc {
        }
        ---- Corefile:1: '.:abc': 'abc' is not a port
        == a scheme that is none
        gopher://example.org {
        }
        ---- Corefile:1: 'gopher://example.org': no such scheme 'gopher'
        == a zone that is no name
        a..b {
        }
        ---- Corefile:1: 'a..b' is not a domain name
        == a file that is not there
        . {
          errors
          import missing
        }
        ---- Corefile:3: import: no snippet and no file is named 'missing'
        == an import of nothing
        . {
          import
        }
        ---- Corefile:2: import: a snippet or a file to import is expected
        == an error in an imported file
        . {
          import broken
        }
        ---- broken:2: a quote that opens here is never closed
        == a file that imports itself
        . {
          import self
        }
        ---- self:1: import: too many imports; does a file import itself?
        == a snippet defined twice
        (a) {
        }
        (a) {
        }
        ---- Corefile:3: redeclaration of previously declared snippet a
        == a snippet that is not closed
        (a) {
          errors
        ---- Corefile:1: the block that opens here is never closed: '}' expected before the end of the file
        """;

    private static readonly Dictionary<string, string> s_files = new()
    {
        ["inner"] = "errors\ncache 10\n",
        ["conf.d/a.conf"] = "a.example {\n whoami\n}\n",
        ["conf.d/b.conf"] = "b.example {\n whoami\n}\n",
        ["broken"] = "errors\nlog \"x\n",
        ["self"] = "import self\n",
    };

    public static TheoryData<string, string, string> GoodCases => Cases(Good);

    public static TheoryData<string, string, string> BadCases => Cases(Bad);

    [Theory, MemberData(nameof(GoodCases))]
    public void Good_files_are_understood(string because, string text, string expected)
    {
        var document = CorefileParser.Parse("Corefile", text, Host());

        Assert.Equal((because, expected), (because, string.Join(' ', document.Blocks.Select(Format))));
    }

    [Theory, MemberData(nameof(BadCases))]
    public void Bad_files_are_told_where_and_why(string because, string text, string expected)
    {
        var error = Assert.Throws<CorefileException>(() => CorefileParser.Parse("Corefile", text, Host()));

        Assert.Equal((because, expected), (because, error.Message));
    }

    [Fact]
    public void The_fingerprint_covers_imported_files()
    {
        var before = CorefileParser.Parse("Corefile", ". {\n import inner\n}\n", Host());
        var other = Host() with { Read = _ => "errors\ncache 11\n" };
        var after = CorefileParser.Parse("Corefile", ". {\n import inner\n}\n", other);

        Assert.NotEqual(before.Fingerprint, after.Fingerprint);
        Assert.Equal(before.Fingerprint, CorefileParser.Parse("Corefile", ". {\n import inner\n}\n", Host()).Fingerprint);
    }

    [Theory]
    [InlineData("5s", 5)]
    [InlineData("1m30s", 90)]
    [InlineData("300ms", 0.3)]
    [InlineData("1.5h", 5400)]
    [InlineData("7", 7)]
    public void Durations_are_read_as_Go_reads_them(string text, double seconds)
    {
        Assert.True(GoDuration.TryParse(text, out var value));
        Assert.Equal(seconds, value.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("5x")]
    [InlineData("-5s")]
    [InlineData("5s5")]
    [InlineData("999999999h")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    private static CorefileHost Host() => new(
        name => name switch { "ZONE" => "env.example", "PORT" => "5300", "UP" => "9.9.9.9", _ => null },
        pattern => pattern.Contains('*', StringComparison.Ordinal)
            ? [.. s_files.Keys.Where(f => f.StartsWith(pattern.Split('*')[0], StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
            : s_files.ContainsKey(pattern) ? [pattern] : [],
        file => s_files[file]);

    private static string Format(ServerBlock block)
        => $"{string.Join(' ', block.Keys.Select(k => k.Port is { } port ? $"{k.Zone}:{port}" : k.Zone.ToString()))} [{Format(block.Directives)}]";

    private static string Format(IEnumerable<Directive> directives) => string.Join("; ", directives.Select(d =>
        string.Join(' ', [d.Name, .. d.Arguments.Select(a => a.Replace("\n", "\\n", StringComparison.Ordinal)), .. d.Body.IsEmpty ? Array.Empty<string>() : [$"{{{Format(d.Body)}}}"]])));

    private static TheoryData<string, string, string> Cases(string text)
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var part in text.Split("== ", StringSplitOptions.RemoveEmptyEntries))
        {
            var name = part.Split('\n')[0];
            var halves = part[(name.Length + 1)..].Split("---- ");
            cases.Add(name, halves[0].Replace("\\r", "\r", StringComparison.Ordinal), halves[1].Trim());
        }

        return cases;
    }
}
