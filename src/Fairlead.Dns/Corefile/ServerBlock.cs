using System.Collections.Immutable;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Corefile;

/// <summary>One key of a server block: <c>dns://example.org:1053</c>.</summary>
/// <param name="Scheme">How queries come: <c>dns</c>, <c>tls</c>, <c>https</c>, <c>grpc</c>, <c>quic</c>.</param>
/// <param name="Port">The port to listen on; null for the server's default.</param>
public sealed record ZoneKey(string Scheme, DnsName Zone, int? Port);

/// <summary>One server block: the zones it answers for, where, and its directives in the order they were written.</summary>
public sealed record ServerBlock(Position At, ImmutableArray<ZoneKey> Keys, ImmutableArray<Directive> Directives);

/// <summary>A whole Corefile, snippets and imports put in.</summary>
/// <param name="Fingerprint">A hash over everything that was read, imported files included: it changes when and only when the text does.</param>
public sealed record CorefileDocument(string File, ImmutableArray<ServerBlock> Blocks, string Fingerprint);
