using System.Security.Cryptography.X509Certificates;
using System.Collections.Concurrent;
using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Security;

/// <summary>Finds out who sends a request: the lab's socket, a client certificate of our authority, or a ServiceAccount token.</summary>
internal sealed class Authenticator(Pki pki, AccountTokens tokens, TimeProvider time)
{
    private const int MaxCached = 256;
    private readonly ConcurrentDictionary<string, UserInfo> _certificates = new(StringComparer.Ordinal);

    /// <summary>Throws Unauthorized for a credential that is not good; nothing at all is anonymous.</summary>
    public UserInfo Authenticate(HttpContext context)
    {
        if (context.Connection.LocalIpAddress is null && context.Features.Get<ITlsHandshakeFeature>() is null)
        {
            return UserInfo.Lab;
        }

        if (context.Connection.ClientCertificate is { } certificate && UserOf(certificate) is { } user)
        {
            return user;
        }

        string? header = context.Request.Headers.Authorization;
        const string Bearer = "Bearer ";
        if (header is null)
        {
            return context.Connection.ClientCertificate is null ? UserInfo.Anonymous : throw StatusException.Unauthorized();
        }

        return header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && tokens.Verify(header[Bearer.Length..].Trim()) is { } account
            ? account
            : throw StatusException.Unauthorized();
    }

    private UserInfo? UserOf(X509Certificate2 certificate)
    {
        if (time.GetUtcNow() > new DateTimeOffset(certificate.NotAfter) || time.GetUtcNow() < new DateTimeOffset(certificate.NotBefore))
        {
            return null;
        }

        if (_certificates.TryGetValue(certificate.Thumbprint, out var known))
        {
            return known;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(pki.Authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.GetLocalNow().DateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.2"));
        if (!chain.Build(certificate))
        {
            return null;
        }

        if (_certificates.Count >= MaxCached)
        {
            _certificates.Clear();
        }

        return _certificates[certificate.Thumbprint] = Subject(certificate);
    }

    private static UserInfo Subject(X509Certificate2 certificate)
    {
        var (name, groups) = ("", new List<string>());
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (part.HasMultipleElements)
            {
                continue;
            }

            switch (part.GetSingleElementType().Value)
            {
                case "2.5.4.3":
                    name = part.GetSingleElementValue() ?? "";
                    break;
                case "2.5.4.10":
                    groups.Add(part.GetSingleElementValue() ?? "");
                    break;
            }
        }

        return new UserInfo(name, [.. groups, UserInfo.AllAuthenticated]);
    }
}
