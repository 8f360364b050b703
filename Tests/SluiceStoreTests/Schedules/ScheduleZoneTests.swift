import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Time zones as PostgreSQL has them", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ScheduleZoneTests {
    @Test(
        "offsets agree with another reader of the same rules, at random moments and around changes",
        arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London"]
    )
    func offsets(name: String) async throws {
        guard let bytes = ZoneInfo.file(named: name) else { return }
        let zone = try TimeZoneRules(name: name, tzif: bytes)
        var random = SeededGenerator(seed: 11)
        // Within the years that no version of the rules disagrees about.
        var moments = (0..<1_000).map { _ in Int64.random(in: 0..<1_700_000_000, using: &random) }
        var span = zone.span(at: UnixTime(0))
        while let end = span.end, end.seconds < 1_700_000_000 {
            moments += [end.seconds - 1, end.seconds]
            span = zone.span(at: end)
        }
        let expected = try await withTestStore { store in
            try await store.pool.query(
                Statement(
                    """
                    SELECT extract(epoch FROM to_timestamp(moment) AT TIME ZONE $1)::int8 - moment
                    FROM unnest($2::int8[]) WITH ORDINALITY AS given (moment, position) ORDER BY position
                    """,
                    [.text(name), .int8Array(moments)]
                ) { row throws(PostgresError) in try row.int64(0) }
            )
        }
        let wrong = zip(moments, expected).filter { zone.offset(at: UnixTime($0)) != Int($1) }
        #expect(wrong.isEmpty, "\(name) at \(wrong.prefix(3).map { UnixTime($0.0) })")
    }
}
