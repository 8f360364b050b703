internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Runs of gates and their evidence. Clock: the server's `now()`.
enum GateRunStatements {
    /// What makes evidence stale when it changes, less the thresholds.
    static func facts(_ subject: GateSubject, _ thresholds: GateThresholds) -> Statement<GateEvidence.Facts> {
        let table = quotedIdentifier(IndexVersionNames.table(subject.version.id))
        return Statement(
            """
            SELECT indexes.epoch, (extract(epoch FROM indexed_at) * 1000000)::int8, (SELECT count(*) FROM \(table)),
                coalesce((SELECT max(chunk_id) FROM \(table)), 0), golden_revision
            FROM index_versions JOIN indexes ON indexes.id = index_versions.index_id WHERE index_versions.id = $1
            """,
            [.int8(subject.version.id.rawValue)]
        ) { row throws(PostgresError) in
            GateEvidence.Facts(
                epoch: try row.int64(0),
                indexedAt: try row.optionalInt64(1),
                vectors: Int(try row.int64(2)),
                newestChunk: try row.int64(3),
                thresholds: thresholds.changed.map { "\($0.name)=\($0.value)" },
                goldenRevision: try row.int64(4)
            )
        }
    }

    /// Returns the run's number.
    static func insert(_ run: NewGateRun) -> Statement<Int64> {
        let facts = run.facts
        return Statement(
            """
            INSERT INTO gate_runs (
                version_id, compared_id, kind, verdict, seconds, epoch, indexed_micros, vectors, newest_chunk, thresholds,
                golden_revision, seed
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id
            """,
            [
                .int8(run.subject.version.id.rawValue), .optionalInt8(run.subject.other?.id.rawValue),
                .text(run.kind.rawValue), .text(run.verdict.rawValue), .float8(run.duration.inSeconds),
                .int8(facts.epoch), .optionalInt8(facts.indexedAt), .int8(Int64(facts.vectors)),
                .int8(facts.newestChunk), .textArray(facts.thresholds), .int8(facts.goldenRevision),
                .int8(Int64(bitPattern: run.seed)),
            ]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    static func insert(_ gate: Gate, at position: Int, of run: Int64) -> Statement<Void> {
        let figures = gate.figures.filter(\.value.isFinite)
        return Statement(
            """
            INSERT INTO gate_results (run_id, position, gate, outcome, measured, threshold, detail)
            SELECT $1, $2, $3, $4, $5, $6, jsonb_build_object('note', $7::text, 'figures', coalesce((
                SELECT jsonb_agg(jsonb_build_object('name', name, 'slice', slice, 'value', value) ORDER BY place)
                FROM unnest($8::text[], $9::text[], $10::float8[]) WITH ORDINALITY AS figure (name, slice, value, place)
            ), '[]'))
            """,
            [
                .int8(run), .int2(position), .text(gate.name.rawValue), .text(gate.outcome.rawValue),
                .optionalFloat8(gate.measured.flatMap { $0.isFinite ? $0 : nil }), .optionalFloat8(gate.threshold),
                .text(gate.note), .textArray(figures.map(\.name)), .optionalTextArray(figures.map(\.slice)),
                .float8Array(figures.map(\.value)),
            ]
        )
    }

    struct Run: Sendable {
        let id: Int64
        let version: IndexVersionID
        let number: Int
        let other: Int?
        let kind: GateRunKind
        let verdict: GateVerdict
        let at: Int64
        let seconds: Double
    }

    static func runs(of index: IndexName, limit: Int) -> Statement<Run> {
        Statement(
            """
            SELECT gate_runs.id, version.id, version.number, other.number, gate_runs.kind, gate_runs.verdict, gate_runs.at,
                gate_runs.seconds
            FROM indexes JOIN index_versions AS version ON version.index_id = indexes.id
            JOIN gate_runs ON gate_runs.version_id = version.id
            LEFT JOIN index_versions AS other ON other.id = gate_runs.compared_id
            WHERE indexes.name = $1 ORDER BY gate_runs.id DESC LIMIT $2
            """,
            [.text(index.rawValue), .int8(Int64(limit))]
        ) { row throws(PostgresError) in
            guard let kind = GateRunKind(rawValue: try row.text(4)),
                let verdict = GateVerdict(rawValue: try row.text(5))
            else { throw PostgresError(.undecodableColumn, "a gate run's kind or verdict") }
            return Run(
                id: try row.int64(0),
                version: IndexVersionID(rawValue: try row.int64(1)),
                number: try row.int32(2),
                other: try row.optionalInt32(3),
                kind: kind,
                verdict: verdict,
                at: try row.timestamp(6),
                seconds: try row.float8(7)
            )
        }
    }

    /// The gates of runs. Those with names that this version of the program does not know are left out.
    static func gates(_ runs: [Int64]) -> Statement<(run: Int64, gate: Gate?)> {
        Statement(
            """
            SELECT run_id, gate, outcome, measured, threshold, detail->>'note',
                ARRAY(SELECT figure->>'name' FROM jsonb_array_elements(detail->'figures') AS figure),
                ARRAY(SELECT coalesce(figure->>'slice', '') FROM jsonb_array_elements(detail->'figures') AS figure),
                ARRAY(SELECT figure->>'value' FROM jsonb_array_elements(detail->'figures') AS figure)
            FROM gate_results WHERE run_id = ANY ($1::int8[]) ORDER BY run_id, position
            """,
            [.int8Array(runs)]
        ) { row throws(PostgresError) in
            let run = try row.int64(0)
            guard let name = GateName(rawValue: try row.text(1)), let outcome = GateOutcome(rawValue: try row.text(2))
            else { return (run, nil) }
            let names = try row.textArray(6)
            let slices = try row.textArray(7)
            let values = try row.textArray(8)
            let figures = names.indices.map { place in
                GateFigure(
                    names[place],
                    Double(values[place]) ?? 0,
                    slice: slices[place].isEmpty ? nil : slices[place]
                )
            }
            let gate = Gate(
                name,
                outcome,
                measured: try row.optionalFloat8(3),
                threshold: try row.optionalFloat8(4),
                try row.text(5),
                figures: figures
            )
            return (run, gate)
        }
    }

    /// The newest full run of a version, with what it was and what it is now.
    static func evidence(_ subject: GateSubject, _ limits: GateThresholds) -> Statement<GateEvidence> {
        let table = quotedIdentifier(IndexVersionNames.table(subject.version.id))
        return Statement(
            """
            SELECT run.id, run.verdict, run.epoch, run.indexed_micros, run.vectors, run.newest_chunk, run.thresholds,
                run.golden_revision, extract(epoch FROM clock_timestamp() - run.at)::float8,
                indexes.epoch, (extract(epoch FROM version.indexed_at) * 1000000)::int8, (SELECT count(*) FROM \(table)),
                coalesce((SELECT max(chunk_id) FROM \(table)), 0), indexes.golden_revision,
                (SELECT count(*) FROM \(table) WHERE chunk_id > run.newest_chunk)
            FROM (
                SELECT * FROM gate_runs WHERE version_id = $1 AND kind = 'gates' ORDER BY id DESC LIMIT 1
            ) AS run JOIN index_versions AS version ON version.id = run.version_id
            JOIN indexes ON indexes.id = version.index_id
            """,
            [.int8(subject.version.id.rawValue)]
        ) { row throws(PostgresError) in
            GateEvidence(
                run: try row.int64(0),
                verdict: GateVerdict(rawValue: try row.text(1)) ?? .inconclusive,
                then: GateEvidence.Facts(
                    epoch: try row.int64(2),
                    indexedAt: try row.optionalInt64(3),
                    vectors: Int(try row.int64(4)),
                    newestChunk: try row.int64(5),
                    thresholds: try row.textArray(6),
                    goldenRevision: try row.int64(7)
                ),
                now: GateEvidence.Facts(
                    epoch: try row.int64(9),
                    indexedAt: try row.optionalInt64(10),
                    vectors: Int(try row.int64(11)),
                    newestChunk: try row.int64(12),
                    thresholds: limits.changed.map { "\($0.name)=\($0.value)" },
                    goldenRevision: try row.int64(13)
                ),
                age: try row.float8(8),
                added: Int(try row.int64(14)),
                limits: limits
            )
        }
    }
}
