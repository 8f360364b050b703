import Glibc
import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import Testing

@Suite("Rebuilding with another chunker", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkTests {
    @Test("two sets beside each other: cut from the kept texts, each answers alone, swap and rollback lose nothing")
    func sideBySide() async throws {
        try await RebuildFixture.run { fixture in
            var texts: [String: String] = [:]
            for number in 0..<4 {
                let text = RebuildFixture.prose(0..<20, "heron\(number)")
                texts[try await fixture.ingest("\(number).txt", text)] = text
            }
            let first = try await fixture.live()
            let before = try await fixture.chunks(ofSet: 1)
            let calls = fixture.base.reader.calls
            let version = try await fixture.rebuild(RebuildFixture.wider)
            #expect(version.state == .ready && version.chunkSet == 2, "\(version.problem ?? "")")
            #expect(fixture.base.reader.calls == calls, "nothing is read again")
            #expect(try await fixture.chunks(ofSet: 1) == before)
            for (uri, text) in texts {
                for each in [first, version] {
                    #expect(try await fixture.pieces(uri, each) == fixture.expected(text, each))
                }
            }
            let (firstIsWhole, secondIsWhole) = (
                try await fixture.isWhole(first), try await fixture.isWhole(version)
            )
            #expect(firstIsWhole && secondIsWhole)
            for (number, set) in [(nil, 1), (1, 1), (2, 2)] as [(Int?, Int)] {
                #expect(try await fixture.sets(answering: "Line 7 tells of heron1", version: number) == [set])
            }

            // Written to both, before and after the swap, each text embedded once.
            _ = fixture.base.embedder.takeEmbedded()
            let later = RebuildFixture.prose(30..<45, "osprey")
            let uri = try await fixture.ingest("later.txt", later)
            let embedded = fixture.base.embedder.takeEmbedded()
            let wanted = Set([first, version].flatMap { fixture.expected(later, $0) }.map(\.text))
            #expect(embedded.count == wanted.count && Set(embedded) == wanted)
            for each in [first, version] {
                #expect(try await fixture.pieces(uri, each) == fixture.expected(later, each))
            }
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            #expect(try await fixture.sets(answering: "osprey", version: nil) == [2])
            let changed = RebuildFixture.prose(40..<60, "osprey")
            _ = try await fixture.ingest("later.txt", changed)
            for each in [first, version] {
                #expect(try await fixture.pieces(uri, each) == fixture.expected(changed, each))
            }
            // Unchanged bytes stay so, whichever set answers.
            let reads = fixture.base.reader.calls
            _ = try await fixture.base.request(uri)
            try await fixture.settle()
            #expect(fixture.base.reader.calls == reads)
            #expect(try await fixture.versions.rollback(.default).to == first.number)
            #expect(try await fixture.sets(answering: "osprey", version: nil) == [1])
            #expect(try await fixture.isWhole(first))
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("retired: the set's chunks and words are gone, counts are of what answers; the next set has a new number")
    func retire() async throws {
        try await RebuildFixture.run { fixture in
            let text = RebuildFixture.prose(0..<25)
            let uri = try await fixture.ingest("a.txt", text)
            let first = try await fixture.live()
            let version = try await fixture.rebuild(RebuildFixture.wider)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let words = try await fixture.base.count("SELECT count(*) FROM chunk_terms")
            let ofFirst = try await fixture.chunks(ofSet: 1)
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.chunks(ofSet: 1) == 0)
            #expect(try await fixture.base.count("SELECT count(*) FROM chunk_terms") == words - ofFirst)
            let chunks = try await fixture.chunks(ofSet: 2)
            #expect(try await fixture.base.document(uri)?.chunks == chunks)
            #expect(try await fixture.pieces(uri, version) == fixture.expected(text, version))
            let dropped = "SELECT count(*) FROM chunk_sets WHERE dropped_at IS NOT NULL AND number = 1"
            #expect(try await fixture.base.count(dropped) == 1)

            // One set again: no text is cut twice.
            _ = fixture.base.embedder.takeEmbedded()
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(50..<60))
            let wanted = fixture.expected(RebuildFixture.prose(50..<60), version).count
            #expect(fixture.base.embedder.takeEmbedded().count == wanted)
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.chunks(ofSet: 1) == 0)

            // Back to the first's sizes: as another set; aborted, nothing of it stays.
            let third = try await fixture.rebuild(IndexVersionChange(chunkSize: 60, overlap: 0))
            #expect(third.chunkSet == 3 && third.spec.chunkerFingerprint == first.spec.chunkerFingerprint)
            #expect(try await fixture.chunks(ofSet: 3) > 0)
            let reason = "no more"
            _ = try await fixture.versions.advance(third.id, .aborted, IndexVersionFacts(), reason: reason, fence: nil)
            _ = try await fixture.perform(.maintenance)
            #expect(try await fixture.chunks(ofSet: 3) == 0)
            #expect(try await fixture.isWhole(version))
            // The same sizes as the live version's share its set.
            #expect(try await fixture.rebuild(RebuildFixture.wider).chunkSet == 2)
        }
    }

    @Test("texts that both chunkers cut alike keep their vectors: no model call")
    func equalTexts() async throws {
        try await RebuildFixture.run { fixture in
            for number in 0..<5 { _ = try await fixture.ingest("\(number).txt", "A short note, number \(number).\n") }
            try await fixture.base.store.pool.execute(Statement("DELETE FROM embedding_cache"))
            _ = fixture.base.embedder.takeEmbedded()
            let version = try await fixture.rebuild(RebuildFixture.wider)
            #expect(version.state == .ready && fixture.base.embedder.takeEmbedded().isEmpty)
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.chunks(ofSet: 2) == 5)
        }
    }

    @Test("a worker set to another chunker cuts as the index does")
    func otherSetting() async throws {
        try await RebuildFixture.run { fixture in
            var pipeline = fixture.pipeline
            pipeline.chunker = Chunker(configuration: .standard)
            let text = RebuildFixture.prose(0..<12)
            let uri = try fixture.base.write("a.txt", text)
            _ = try await fixture.base.request(uri)
            for queue in [QueueName.ingestion, .embedding] {
                while try await fixture.base.performNext(queue, pipeline: pipeline) != nil {}
            }
            let live = try await fixture.live()
            #expect(try await fixture.pieces(uri, live) == fixture.expected(text, live))
        }
    }

    @Test("another model as well: the new chunks are embedded by it, and the old ones by none")
    func otherModel() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            let text = RebuildFixture.prose(0..<25)
            let uri = try await fixture.ingest("a.txt", text)
            let first = try await fixture.live()
            _ = fixture.base.embedder.takeEmbedded()
            var change = RebuildFixture.wider
            change.model = fixture.pipeline.candidateModel
            let version = try await fixture.rebuild(change)
            #expect(version.state == .ready && version.chunkSet == 2)
            #expect(candidate.takeEmbedded().count == fixture.expected(text, version).count)
            #expect(fixture.base.embedder.takeEmbedded().isEmpty)
            // Dual-written: each model its own cut.
            let later = RebuildFixture.prose(60..<80)
            let other = try await fixture.ingest("b.txt", later)
            #expect(candidate.takeEmbedded().count == fixture.expected(later, version).count)
            #expect(fixture.base.embedder.takeEmbedded().count == fixture.expected(later, first).count)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            for (name, text) in [(uri, text), (other, later)] {
                #expect(try await fixture.pieces(name, first) == fixture.expected(text, first))
                #expect(try await fixture.pieces(name, version) == fixture.expected(text, version))
            }
            _ = try await fixture.ingest("c.txt", RebuildFixture.prose(90..<99))
            #expect(try await fixture.isWhole(first))
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("what is too long for the model is split, in the rebuild as in an ingest")
    func tooLong() async throws {
        try await RebuildFixture.run(maxTokens: 14) { fixture in
            let text = RebuildFixture.prose(0..<30)
            let uri = try await fixture.ingest("a.txt", text)
            let version = try await fixture.rebuild(IndexVersionChange(chunkSize: 200, overlap: 0))
            #expect(version.state == .ready, "\(version.problem ?? "")")
            #expect(try await fixture.base.deadLetters().isEmpty)
            let rebuilt = try await fixture.pieces(uri, version)
            #expect(rebuilt.count > fixture.expected(text, version).count)
            #expect(zip(rebuilt, rebuilt.dropFirst()).allSatisfy { $0.from < $1.from && $0.to <= $1.from })
            #expect(try await fixture.isCovered(version))
            let other = try await fixture.ingest("b.txt", text)
            #expect(try await fixture.pieces(other, version) == rebuilt)
            #expect(try await fixture.isWhole(version))
            // What was split keeps its places when the document changes around it.
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(3..<40))
            #expect(try await fixture.isCovered(version))
        }
    }

    @Test("a plan of another chunker estimates by the sizes and says so; sizes that cannot be are refused")
    func plan() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<40))
            let chunks = try await fixture.chunks(ofSet: 1)
            let (spec, facts) = try await fixture.versions.plan(
                .default,
                IndexVersionChange(chunkSize: 30, overlap: 0)
            )
            #expect(facts.chunks == chunks * 2 && facts.reusable == 0 && facts.unread == 0)
            #expect(IndexPlan(spec, facts, IndexPlan.Room(diskFree: .max)).notes.contains { $0.contains("estimated") })
            for change in [
                IndexVersionChange(chunkSize: 0), IndexVersionChange(chunkSize: 10, overlap: 11),
                IndexVersionChange(overlap: -1),
            ] {
                let failure = await #expect(throws: TaskFailure.self) {
                    try await fixture.versions.create(in: .default, change, completing: nil)
                }
                #expect(failure?.errorClass == "index.impossible")
            }
        }
    }
}
