using System.Text;
using Fairlead.ApiServer.Pods;
using Fairlead.Lab.Pods.Logs;
using Fairlead.Tests.Fixtures;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Tests.Pods;

public sealed class ContainerLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly ManualTime _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lines_are_kept_in_the_CRI_format_and_given_back_as_text()
    {
        using var log = Write("one\ntwo\nhalf");

        Assert.Matches("^[0-9T:.-]{29}Z stdout F one\n", await File.ReadAllTextAsync(PathOf("log"), Ct));
        Assert.Equal("one\ntwo\nhalf\n", await ReadAsync(log, new PodLogOptions()));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "line 9\n")]
    [InlineData(3, "line 7\nline 8\nline 9\n")]
    [InlineData(100, "line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\n")]
    public async Task The_tail_is_the_last_lines(long lines, string expected)
    {
        using var log = Write(string.Concat(Enumerable.Range(0, 10).Select(i => $"line {i}\n")));

        Assert.Equal(expected, await ReadAsync(log, new PodLogOptions { TailLines = lines }));
    }

    [Fact]
    public async Task The_tail_of_a_log_of_many_blocks_is_found_from_its_end()
    {
        using var log = Write(string.Concat(Enumerable.Range(0, 5000).Select(i => $"line {i}\n")));

        var text = await ReadAsync(log, new PodLogOptions { TailLines = 2000 });

        Assert.Equal(2000, text.Count(c => c == '\n'));
        Assert.StartsWith("line 3000\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Older_lines_and_bytes_over_the_limit_are_left_out()
    {
        using var log = ContainerLog.Create(PathOf("log"));
        var writer = new LogLineWriter(log, "stderr", _time);
        writer.Write("before\n"u8);
        _time.Advance(TimeSpan.FromSeconds(10));
        var since = _time.GetUtcNow();
        writer.Write("after\n"u8);
        log.Complete();

        Assert.Equal("after\n", await ReadAsync(log, new PodLogOptions { Since = since }));
        Assert.Equal("befo", await ReadAsync(log, new PodLogOptions { LimitBytes = 4 }));
        Assert.EndsWith("Z after\n", await ReadAsync(log, new PodLogOptions { Timestamps = true }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_line_is_kept_in_parts_and_comes_back_whole()
    {
        var line = new string('x', (2 * LogLineWriter.LongestLine) + 7);
        using var log = Write(line + "\nnext\n");

        Assert.Equal(3 + 1, (await File.ReadAllLinesAsync(PathOf("log"), Ct)).Length);
        Assert.Equal(line + "\nnext\n", await ReadAsync(log, new PodLogOptions()));
    }

    [Fact]
    public async Task Following_gives_what_is_written_later_and_ends_with_the_container()
    {
        using var log = ContainerLog.Create(PathOf("log"));
        var writer = new LogLineWriter(log, "stdout", _time);
        writer.Write("first\n"u8);
        using var reader = new StreamReader(LogReader.Open(log, new PodLogOptions { Follow = true }, Ct));

        Assert.Equal("first", await reader.ReadLineAsync(Ct));
        writer.Write("second\n"u8);
        Assert.Equal("second", await reader.ReadLineAsync(Ct));
        log.Complete();
        Assert.Null(await reader.ReadLineAsync(Ct));
    }

    [Fact]
    public async Task The_disk_that_a_log_takes_is_bounded_and_readers_survive_the_rotation()
    {
        using var log = ContainerLog.Create(PathOf("log"), limit: 1000);
        var writer = new LogLineWriter(log, "stdout", _time);
        using var reader = new StreamReader(LogReader.Open(log, new PodLogOptions { Follow = true }, Ct));
        for (var i = 0; i < 200; i++)
        {
            writer.Write(Encoding.UTF8.GetBytes($"line {i}\n"));
            Assert.Equal($"line {i}", await reader.ReadLineAsync(Ct));
        }

        log.Complete();

        Assert.InRange(Directory.GetFiles(_folder).Sum(f => new FileInfo(f).Length), 1000, 2200);
        Assert.EndsWith("line 198\nline 199\n", await ReadAsync(log, new PodLogOptions()), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private ContainerLog Write(string text)
    {
        var log = ContainerLog.Create(PathOf("log"));
        var writer = new LogLineWriter(log, "stdout", _time);
        writer.Write(Encoding.UTF8.GetBytes(text));
        writer.Finish();
        log.Complete();
        return log;
    }

    private static async Task<string> ReadAsync(ContainerLog log, PodLogOptions options)
    {
        using var reader = new StreamReader(LogReader.Open(log, options, Ct));
        return await reader.ReadToEndAsync(Ct);
    }
}
