using Microsoft.Data.Sqlite;

namespace Fairlead.ApiServer.Storage;

/// <summary>Objects in one SQLite file.</summary>
/// <remarks>
/// Write-ahead log with <c>synchronous=NORMAL</c>: a commit reaches the kernel before it is acknowledged, so that killing the process
/// loses nothing; a power cut may lose the last moments, but never leaves half a transaction. One connection, one writer.
/// </remarks>
internal sealed class SqliteJournal : IJournal
{
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _put;
    private readonly SqliteCommand _delete;
    private readonly SqliteCommand _version;

    private SqliteJournal(SqliteConnection connection)
    {
        _connection = connection;
        _put = Command("INSERT INTO objects(resource, key, version, json) VALUES($a, $b, $c, $d) " +
                       "ON CONFLICT(resource, key) DO UPDATE SET version = $c, json = $d", "$a", "$b", "$c", "$d");
        _delete = Command("DELETE FROM objects WHERE resource = $a AND key = $b", "$a", "$b");
        _version = Command("UPDATE meta SET value = $a WHERE name = 'version'", "$a");
        LastVersion = (long)(Scalar("SELECT value FROM meta WHERE name = 'version'") ?? 0L);
    }

    public long LastVersion { get; private set; }

    public static SqliteJournal Open(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        SQLitePCL.Batteries_V2.Init();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 1 }.ToString());
        try
        {
            Create(path);
            connection.Open();
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Run(connection, "PRAGMA locking_mode = EXCLUSIVE");   // two servers on one file would each believe their own cache
            Run(connection, "PRAGMA journal_mode = WAL");
            Run(connection, "PRAGMA synchronous = NORMAL");
            Run(connection, """
                CREATE TABLE IF NOT EXISTS objects(resource TEXT, key TEXT, version INTEGER, json BLOB, PRIMARY KEY(resource, key)) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
                INSERT OR IGNORE INTO meta VALUES('version', 0);
                """);
            return new SqliteJournal(connection);
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw new IOException(e.SqliteErrorCode is 5 or 6
                ? $"the store {path} is in use by another process"
                : $"the store {path} cannot be opened: {e.Message}", e);
        }
    }

    public IEnumerable<JournalEntry> Load()
    {
        var entries = new List<JournalEntry>();
        try
        {
            using var command = _connection.CreateCommand();
            command.CommandText = "SELECT resource, key, version, json FROM objects";
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                entries.Add(new JournalEntry(reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetFieldValue<byte[]>(3)));
            }
        }
        catch (SqliteException e)
        {
            throw new IOException($"the store {_connection.DataSource} is damaged: {e.Message}", e);
        }

        return entries;
    }

    public void Commit(IReadOnlyList<JournalEntry> changes)
    {
        using var transaction = _connection.BeginTransaction();
        foreach (var change in changes)
        {
            if (change.Json is { } json)
            {
                Execute(_put, transaction, change.Resource, change.Key, change.Version, json);
            }
            else
            {
                Execute(_delete, transaction, change.Resource, change.Key);
            }

            LastVersion = change.Version;
        }

        Execute(_version, transaction, LastVersion);
        transaction.Commit();
    }

    public void Dispose()
    {
        _put.Dispose();
        _delete.Dispose();
        _version.Dispose();
        _connection.Dispose();
    }

    /// <summary>SQLite would make it readable to all for a moment, and it holds Secrets.</summary>
    /// <remarks>An existing file is not opened: closing it again would drop the locks that SQLite has on it in this process (fcntl(2)).</remarks>
    private static void Create(string path)
    {
        if (!File.Exists(path))
        {
            using var _ = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
    }

    private SqliteCommand Command(string text, params ReadOnlySpan<string> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = text;
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = parameter });
        }

        command.Prepare();
        return command;
    }

    private static void Execute(SqliteCommand command, SqliteTransaction transaction, params ReadOnlySpan<object> values)
    {
        command.Transaction = transaction;
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        command.ExecuteNonQuery();
    }

    private object? Scalar(string text)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = text;
        return command.ExecuteScalar();
    }

    private static void Run(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }
}
