using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Security;

/// <summary>Issues and verifies ServiceAccount tokens: JWTs signed with ES256 (RFC 7519, RFC 7518 §3.4).</summary>
/// <remarks>A token is only as good as its account: it stops working when the account, or the pod it is bound to, is gone or another one.</remarks>
internal sealed class AccountTokens(Pki pki, ObjectStore store, string issuer, TimeProvider time)
{
    private const int MaxTokenLength = 8192;
    private static readonly string s_header = Base64Url.EncodeToString("""{"alg":"ES256","typ":"JWT"}"""u8);

    public string Issuer { get; } = issuer;

    public (string Token, DateTimeOffset Expires) Issue(
        string @namespace, string account, string accountUid, IReadOnlyList<string> audiences, TimeSpan lifetime, (string Name, string Uid)? pod)
    {
        var now = time.GetUtcNow();
        var expires = now + lifetime;
        var kubernetes = new JsonObject
        {
            ["namespace"] = @namespace,
            ["serviceaccount"] = new JsonObject { ["name"] = account, ["uid"] = accountUid },
        };
        if (pod is { } bound)
        {
            kubernetes["pod"] = new JsonObject { ["name"] = bound.Name, ["uid"] = bound.Uid };
        }

        var claims = new JsonObject
        {
            ["aud"] = new JsonArray([.. (audiences.Count == 0 ? [Issuer] : audiences).Select(a => (JsonNode)a)]),
            ["exp"] = expires.ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = Issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            ["kubernetes.io"] = kubernetes,
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = $"system:serviceaccount:{@namespace}:{account}",
        };
        var signed = $"{s_header}.{Base64Url.EncodeToString(claims.ToUtf8())}";
        lock (pki.TokenKey)
        {
            return ($"{signed}.{Base64Url.EncodeToString(pki.TokenKey.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}", expires);
        }
    }

    /// <summary>The account a token speaks for, or null if the token is not good, for this server (or one of <paramref name="audiences"/>), now.</summary>
    public UserInfo? Verify(string token, IReadOnlyList<string>? audiences = null)
    {
        if (Claims(token) is not { } claims)
        {
            return null;
        }

        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var accepted = audiences is { Count: > 0 } ? audiences : [Issuer];
        if (claims.Text("iss") != Issuer || claims.Number("exp") is not { } expires || expires <= now
            || !claims.Items("aud").Any(a => accepted.Contains(a.Text(), StringComparer.Ordinal)))
        {
            return null;
        }

        var kubernetes = claims.At("kubernetes.io");
        var @namespace = kubernetes.Text("namespace");
        var (name, uid) = (kubernetes.Text("serviceaccount", "name"), kubernetes.Text("serviceaccount", "uid"));
        if (UidOf("serviceaccounts", @namespace, name) != uid || uid.Length == 0)
        {
            return null;
        }

        var podUid = kubernetes.Text("pod", "uid");
        return podUid.Length > 0 && UidOf("pods", @namespace, kubernetes.Text("pod", "name")) != podUid
            ? null
            : UserInfo.ServiceAccount(@namespace, name, uid);
    }

    private string? UidOf(string resource, string @namespace, string name)
        => store.Resource(resource).Find(StoredObject.KeyOf(@namespace, name))?.Parse().Text("metadata", "uid");

    private JsonNode? Claims(string token)
    {
        var last = token.LastIndexOf('.');
        if (token.Length > MaxTokenLength || last < 0 || !token.StartsWith(s_header + ".", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            var signature = Base64Url.DecodeFromChars(token.AsSpan(last + 1));
            bool good;
            lock (pki.TokenKey)
            {
                good = pki.TokenKey.VerifyData(Encoding.ASCII.GetBytes(token[..last]), signature, HashAlgorithmName.SHA256);
            }

            return good ? JsonBody.Parse(Base64Url.DecodeFromChars(token.AsSpan((s_header.Length + 1)..last))) : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or CryptographicException)
        {
            return null;
        }
    }
}
