using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Security;

/// <summary>Acting as somebody else (<c>kubectl --as</c>): allowed to those who may "impersonate" that user and those groups.</summary>
internal static class Impersonation
{
    public static UserInfo Apply(HttpContext context, UserInfo user, Authorizer authorizer)
    {
        string? name = context.Request.Headers["Impersonate-User"];
        var groups = context.Request.Headers["Impersonate-Group"].Where(g => g is not null).Select(g => g!).ToList();
        if (string.IsNullOrEmpty(name))
        {
            return groups.Count == 0 ? user : throw StatusException.BadRequest("requested groups without impersonating a user");
        }

        Require(user, AccessOf(name), authorizer);
        foreach (var group in groups)
        {
            Require(user, new AccessRequest("impersonate", "", "groups", "", "", group), authorizer);
        }

        if (AccountOf(name) is var (@namespace, account) && groups.Count == 0)
        {
            return UserInfo.ServiceAccount(@namespace, account, "");
        }

        return new UserInfo(name, [.. groups.Where(g => g != UserInfo.AllAuthenticated), UserInfo.AllAuthenticated]);
    }

    private static (string Namespace, string Name)? AccountOf(string user)
        => user.Split(':') is ["system", "serviceaccount", var @namespace, var name] ? (@namespace, name) : null;

    private static AccessRequest AccessOf(string user) => AccountOf(user) is var (@namespace, name)
        ? new AccessRequest("impersonate", "", "serviceaccounts", "", @namespace, name)
        : new AccessRequest("impersonate", "", "users", "", "", user);

    private static void Require(UserInfo user, AccessRequest access, Authorizer authorizer)
    {
        if (!authorizer.Allows(user, access))
        {
            throw StatusException.Forbidden(new GroupResource(access.Group, access.Resource), access.Name, access.Refusal(user));
        }
    }
}
