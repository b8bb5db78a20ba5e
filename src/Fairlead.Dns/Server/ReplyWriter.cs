using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>Puts the reply that a context holds on the wire.</summary>
internal static class ReplyWriter
{
    /// <summary>The most a reply to this query may have.</summary>
    public static int Limit(DnsContext context) => context.Transport == DnsTransport.Tcp
        ? ushort.MaxValue
        : Math.Min(context.Edns.PayloadSize, Edns.OfferedPayload);

    /// <summary>Writes the reply; what does not fit is left out and marked by the TC bit.</summary>
    /// <returns>The message's length; 0 when the client is to hear nothing.</returns>
    public static int Write(DnsContext context, Span<byte> buffer)
    {
        if (context.Silent)
        {
            return 0;
        }

        var limit = Math.Min(buffer.Length, Limit(context));
        var edns = context.Edns.Present;
        var writer = new DnsWriter(buffer[..limit]) { Reserved = edns ? Edns.RecordSize : 0 };
        var flags = DnsFlags.Response | context.ReplyFlags | (context.RequestFlags & (DnsFlags.RecursionDesired | DnsFlags.CheckingDisabled));

        // A query that could not be read has no question to repeat.
        var questions = 0;
        if (!context.NameAsSpelled.IsEmpty)
        {
            questions = writer.TryWriteQuestion(context.NameAsSpelled, context.Type, context.Class) ? 1 : 0;
        }

        // RFC 2181 §9: leaving out additional records is no truncation, leaving out others is.
        var complete = TryWriteAll(ref writer, context.Answers.Span, context.Age, out var answers);
        ushort authorities = 0, additionals = 0;
        if (complete)
        {
            complete = TryWriteAll(ref writer, context.Authorities.Span, context.Age, out authorities);
            if (complete)
            {
                TryWriteAll(ref writer, context.Additionals.Span, context.Age, out additionals);
            }
        }

        if (!complete)
        {
            flags |= DnsFlags.Truncated;
        }

        if (edns)
        {
            writer.Reserved = 0;
            if (writer.TryWriteEdns(Edns.OfferedPayload, (byte)((ushort)context.Code >> 4), 0, context.Edns.DnssecOk))
            {
                additionals++;
            }
        }

        var header = new DnsHeader(context.Id, DnsHeader.Word(flags, context.Opcode, context.Code), (ushort)questions, answers, authorities, additionals);
        context.ReplySize = writer.Finish(header).Length;
        return context.ReplySize;
    }

    private static bool TryWriteAll(ref DnsWriter writer, ReadOnlySpan<Record> records, uint age, out ushort count)
    {
        count = 0;
        foreach (var record in records)
        {
            if (!writer.TryWriteRecord(record, age))
            {
                return false;
            }

            count++;
        }

        return true;
    }
}
