using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Tests.Ingress;

/// <summary>A real HTTP server as endpoint: Kestrel with the answer a test gives it.</summary>
internal sealed class EchoUpstream : IAsyncDisposable
{
    private readonly WebApplication _application;

    private EchoUpstream(WebApplication application) => _application = application;

    public int Port => new Uri(_application.Urls.First()).Port;

    public static async Task<EchoUpstream> StartAsync(RequestDelegate answer, System.Security.Cryptography.X509Certificates.X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => _ = certificate is null ? listen : listen.UseHttps(certificate));
        });
        var application = builder.Build();
        application.UseWebSockets();
        application.Run(answer);
        await application.StartAsync(TestContext.Current.CancellationToken);
        return new EchoUpstream(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
