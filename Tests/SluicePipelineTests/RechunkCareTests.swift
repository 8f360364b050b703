import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Chunk sets beside erasures, and when they go", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkCareTests {
    @Test("documents that are being erased count for nothing in the gates, whatever is left of them")
    func erasing() async throws {
        try await RebuildFixture.run { fixture in
            let (base, store) = (fixture.base, fixture.base.store)
            let gone = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let kept = try await fixture.ingest("b.txt", RebuildFixture.prose(20..<40))
            let version = try await fixture.rebuild(RebuildFixture.wider)
            let gates = PostgresGateStore(store)
            let subject = try #require(try await gates.subject(version.id, against: nil))
            func coverage() async throws -> [TenantCoverage] { try await gates.structure(subject).tenants }
            let (all, left) = (
                try await fixture.chunks(ofSet: 2), try await fixture.pieces(kept, version).count
            )
            #expect(try await coverage() == [TenantCoverage(tenant: .default, chunks: all, covered: all)])
            // Something that began before keeps the erasure from its end.
            try await store.pool.transaction(repeatableRead: true) { transaction in
                _ = try await transaction.query(
                    Statement("SELECT count(*) FROM tenants") { row throws(PostgresError) in try row.int64(0) }
                )
                let id = try await base.erase(gone, .default)
                try await store.pool.execute(
                    Statement(
                        """
                        DELETE FROM embeddings_g\(version.id) USING chunks JOIN documents ON documents.id = document_id
                        WHERE chunk_id = chunks.id AND uri = $1
                        """,
                        [.text(gone)]
                    )
                )
                let expected = [TenantCoverage(tenant: .default, chunks: left, covered: left)]
                #expect(try await coverage() == expected)
                try await store.pool.execute(
                    Statement(
                        """
                        DELETE FROM chunks USING documents
                        WHERE documents.id = document_id AND uri = $1 AND chunk_set = 2 AND ordinal = 0
                        """,
                        [.text(gone)]
                    )
                )
                #expect(try await coverage() == expected)
                let verdict = try await base.perform(.maintenance, base.registry)
                if case .snoozed?? = verdict {} else { Issue.record("\(verdict as Any)") }
                #expect(try await base.receipt(id)?.completedAt == nil)
                #expect(try await fixture.chunks(ofSet: 2) == left)
                #expect(try await base.count("SELECT count(*) FROM documents") == 2)
                #expect(try await coverage() == expected)
                #expect(try await fixture.versions.uncut(version.id).count == 0)
            }
        }
    }

    @Test("a set is removed some chunks at a time, from where it was left; its task gives way without an attempt")
    func removal() async throws {
        try await RebuildFixture.run { fixture in
            var uris: [String] = []
            for number in 0..<6 {
                uris.append(try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<20, "w\(number)")))
            }
            let first = try await fixture.live()
            let version = try await fixture.rebuild(RebuildFixture.wider)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            var versions = fixture.versions
            versions.removal.turn = .zero
            versions.removal.chunks = 7
            versions.removal.documents = 2
            let all = try await fixture.chunks(ofSet: 1)
            var (left, places): (Int, [Int]) = (all, [])
            while true {
                let retirement = try await versions.retire(first.id, isForced: true, fence: nil)
                let now = try await fixture.chunks(ofSet: 1)
                #expect((left - 7...left).contains(now))
                left = now
                places.append(try await fixture.base.count("SELECT removed_to FROM chunk_sets WHERE number = 1"))
                guard retirement == .clearing, places.count < 200 else {
                    #expect(retirement == .wasDropped)
                    break
                }
            }
            #expect(left == 0 && places.count > all / 7 && places == places.sorted() && Set(places).count > 3)
            let dropped = "SELECT count(*) FROM chunk_sets WHERE number = 1 AND dropped_at IS NOT NULL"
            #expect(try await fixture.base.count(dropped) == 1)
            for uri in uris {
                #expect(
                    try await fixture.base.document(uri)?.chunks == fixture.pieces(uri, version).count
                )
            }

            // The same by the task, of one that was given up.
            let (given, fence) = try await fixture.begin(IndexVersionChange(chunkSize: 60, overlap: 0))
            _ = try await versions.cut(given.id, limit: 100, fence: fence)
            #expect(try await fixture.chunks(ofSet: 3) == all)
            _ = try await versions.advance(given.id, .aborted, IndexVersionFacts(), reason: "no more", fence: nil)
            var pipeline = fixture.pipeline
            pipeline.versions = versions
            var steps = 0
            while try await fixture.base.performNext(.maintenance, pipeline: pipeline) != nil, steps < 200 {
                steps += 1
                try await fixture.base.store.pool.execute(
                    Statement(
                        """
                        UPDATE tasks SET run_at = now(), state = 'available'
                        WHERE state = 'scheduled' AND kind = 'index.retire' AND (payload ->> 'version')::int8 = \(given.id)
                        """
                    )
                )
            }
            #expect(steps > all / 7)
            #expect(try await fixture.chunks(ofSet: 3) == 0)
            let ending = "SELECT attempt::int8 FROM tasks_archive WHERE kind = 'index.retire' AND state = 'completed'"
            #expect(try await fixture.base.count(ending + " ORDER BY id DESC LIMIT 1") == 1)
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("documents that are not cut are counted alike, however many are looked at by one statement")
    func uncut() async throws {
        try await RebuildFixture.run { fixture in
            for number in 0..<7 { _ = try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<9)) }
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            try await fixture.base.store.pool.withConnection {
                try await $0.script(
                    """
                    DELETE FROM document_texts USING documents WHERE documents.id = document_id AND uri ~ '[356].txt$';
                    UPDATE documents SET outcome = 'empty' WHERE uri ~ '[5].txt$'
                    """
                )
            }
            let ids = "FROM documents WHERE live_version IS NOT NULL"
            for isCut in [false, true] {
                if isCut { _ = try await fixture.versions.cut(version.id, limit: 100, fence: fence) }
                let whole = try await fixture.versions.uncut(version.id)
                #expect(whole.count == (isCut ? 3 : 7) && whole.waiting == (isCut ? 2 : 0) && whole.stuck == 1)
                #expect(whole.example?.hasSuffix("/5.txt") == true)
                let first = try await fixture.base.count(
                    "SELECT min(id) \(ids)\(isCut ? " AND uri ~ '[356].txt$'" : "")"
                )
                #expect(whole.first == Int64(first))
                for limit in 1...8 {
                    #expect(try await fixture.versions.uncut(version.id, atOnce: limit) == whole, "\(limit) at once")
                }
            }
            #expect(try await fixture.versions.gaps(version.id).uncut == 3)
        }
    }

    @Test("nothing is split in a version that is not written to any more: nobody would remove the pieces")
    func splitLate() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            _ = try await fixture.versions.cut(version.id, limit: 100, fence: fence)
            let chunk = ChunkID(
                rawValue: Int64(try await fixture.base.count("SELECT min(id) FROM chunks WHERE chunk_set = 2"))
            )
            let long = try #require(try await fixture.versions.splittable([chunk], in: version.id).first)
            let pieces = [chunk: [long.draft, long.draft]]
            let reason = "no more"
            _ = try await fixture.versions.advance(
                version.id,
                .aborted,
                IndexVersionFacts(),
                reason: reason,
                fence: nil
            )
            let chunks = try await fixture.chunks(ofSet: 2)
            #expect(try await fixture.versions.split(pieces, in: version.id, fence: fence) == [])
            #expect(try await fixture.chunks(ofSet: 2) == chunks)
        }
    }
}
