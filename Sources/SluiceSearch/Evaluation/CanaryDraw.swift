internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import Synchronization

/// One question's part in a canary: where it falls, and which version the registry then chose.
final class CanaryDraw: Sendable {
    /// What the pointer's statement found.
    struct Sight: Sendable {
        let index: IndexID
        /// The version that answers.
        let version: IndexVersionID
        /// The canary of the index, whether or not it answers.
        let canary: IndexVersionID

        var isCanary: Bool { version == canary }
    }

    /// 0..<100.
    let byTenant: Int
    let byQuestion: Int
    private let state = Mutex<Sight?>(nil)

    init(_ request: SearchRequest) {
        byTenant = CanaryShare.place(of: request.tenant.rawValue)
        byQuestion = CanaryShare.place(of: request.text)
    }

    /// Nil while there is no canary, or the registry was not read.
    var sight: Sight? { state.withLock(\.self) }

    func see(_ sight: Sight?) { state.withLock { $0 = sight } }
}

/// Counts what a process's searches come to while there are canaries, and reports it every few searches, and when told to.
///
/// What was not reported when the process ends is lost: whoever ends it flushes first.
final class CanaryWatch: Sendable {
    /// One canary of one index. An index may get another while counts of the last one wait.
    private struct Trial: Hashable {
        let index: IndexID
        let canary: IndexVersionID
    }

    private struct State {
        var counts: [Trial: [IndexVersionID: CanaryCounts]] = [:]
        var pending = 0
        var since: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private static let batch = 20
    private static let patience = Duration.seconds(5)

    /// Notes one search; reports when enough has come together, in the time of this one. A report that fails is dropped: it must
    /// cost no reader its answer.
    func note(_ sight: CanaryDraw.Sight, _ pool: PostgresPool, _ add: (inout CanaryCounts) -> Void) async {
        let now = ContinuousClock.now
        let trial = Trial(index: sight.index, canary: sight.canary)
        let isDue = state.withLock { state in
            add(&state.counts[trial, default: [:]][sight.version, default: CanaryCounts()])
            state.pending += 1
            let since = state.since ?? now
            state.since = since
            return state.pending >= Self.batch || now - since >= Self.patience
        }
        if isDue { await flush(pool) }
    }

    /// Reports what was counted and not yet reported.
    func flush(_ pool: PostgresPool) async {
        let due = state.withLock { state in
            defer { state = State() }
            return state.counts
        }
        for (trial, counts) in due { try? await Self.report(counts, trial.index, trial.canary, pool) }
    }

    private static func report(
        _ counts: [IndexVersionID: CanaryCounts],
        _ index: IndexID,
        _ canary: IndexVersionID,
        _ pool: PostgresPool
    ) async throws {
        try await pool.transaction { transaction in
            for (version, counts) in counts.sorted(by: { $0.key < $1.key }) {
                try await transaction.execute(CanaryReports.add(counts, version, index, canary))
            }
            let totals = try await transaction.query(CanaryReports.totals(index, canary))
            let own = totals.first { $0.isCanary }?.counts ?? CanaryCounts()
            let live = totals.first { !$0.isCanary }?.counts ?? CanaryCounts()
            let limit = try await transaction.query(CanaryReports.limit(index)).first ?? GateThresholds().p95
            guard let reason = CanaryJudge.breach(own, live: live, limit: limit) else { return }
            try await transaction.execute(CanaryReports.end(index, canary, "by itself: " + reason))
        }
    }
}

enum CanaryReports {
    /// Only while the canary goes on.
    static func add(
        _ counts: CanaryCounts,
        _ version: IndexVersionID,
        _ index: IndexID,
        _ canary: IndexVersionID
    ) -> Statement<Void> {
        Statement(
            """
            INSERT INTO canary_counts (index_id, version_id, searches, errors, empty, waits)
            SELECT index_id, $3, $4, $5, $6, $7 FROM index_canaries WHERE index_id = $1 AND version_id = $2
            ON CONFLICT (index_id, version_id) DO UPDATE SET searches = canary_counts.searches + excluded.searches,
                errors = canary_counts.errors + excluded.errors, empty = canary_counts.empty + excluded.empty,
                waits = ARRAY(
                    SELECT coalesce(ours, 0) + coalesce(theirs, 0)
                    FROM unnest(canary_counts.waits, excluded.waits) WITH ORDINALITY AS wait (ours, theirs, place)
                    ORDER BY place
                )
            """,
            [
                .int8(index.rawValue), .int8(canary.rawValue), .int8(version.rawValue),
                .int8(Int64(counts.searches)), .int8(Int64(counts.errors)), .int8(Int64(counts.empty)),
                .int8Array(counts.waits.map(Int64.init)),
            ]
        )
    }

    static func totals(
        _ index: IndexID,
        _ canary: IndexVersionID
    ) -> Statement<(isCanary: Bool, counts: CanaryCounts)> {
        Statement(
            """
            SELECT counts.version_id = $2, searches, errors, empty, waits
            FROM canary_counts AS counts JOIN indexes ON indexes.id = counts.index_id
            WHERE counts.index_id = $1 AND counts.version_id IN ($2, indexes.live_version)
            """,
            [.int8(index.rawValue), .int8(canary.rawValue)]
        ) { row throws(PostgresError) in
            let counts = CanaryCounts(
                searches: Int(try row.int64(1)),
                errors: Int(try row.int64(2)),
                empty: Int(try row.int64(3)),
                waits: try row.int64Array(4).map { Int($0) }
            )
            return (try row.bool(0), counts)
        }
    }

    /// The index's own threshold of waits, in milliseconds; nothing where it has none.
    static func limit(_ index: IndexID) -> Statement<Double> {
        Statement(
            "SELECT (changed ->> 'p95_ms')::float8 FROM gate_thresholds WHERE index_id = $1 AND changed ? 'p95_ms'",
            [.int8(index.rawValue)]
        ) { row throws(PostgresError) in try row.float8(0) }
    }

    static func end(_ index: IndexID, _ canary: IndexVersionID, _ reason: String) -> Statement<Void> {
        Statement(
            """
            WITH ended AS (
                DELETE FROM index_canaries WHERE index_id = $1 AND version_id = $2 RETURNING index_id, version_id
            )
            INSERT INTO index_events (index_id, version_id, event, detail)
            SELECT index_id, version_id, 'canary ended', jsonb_build_object('reason', $3::text) FROM ended
            """,
            [.int8(index.rawValue), .int8(canary.rawValue), .text(reason)]
        )
    }
}
