import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Rebuilding an index", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct RebuildTests {
    @Test(
        "the same model: whole, built, judged, without a model call; the events tell the story",
        arguments: VectorStorage.allCases
    )
    func sameModel(storage: VectorStorage) async throws {
        try await RebuildFixture.run { fixture in
            for number in 0..<3 {
                _ = try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<30, "m\(number)"))
            }
            _ = fixture.base.embedder.takeEmbedded()
            let version = try await fixture.rebuild(IndexVersionChange(storage: storage, m: 12))
            #expect(version.state == .ready && version.number == 2)
            #expect(version.spec.storage == storage && version.spec.m == 12)
            #expect(fixture.base.embedder.takeEmbedded().isEmpty, "vectors are copied")
            #expect(version.copied == version.planned && version.planned > 0)
            #expect(try await fixture.isWhole(version) && fixture.gates.calls == 1)
            let events = try await fixture.versions.events(of: .default, limit: 100).map(\.event)
            let own = ["judged go", "indexed", "indexed", "loaded", "began", "planned"]
            #expect(Array(events.prefix(own.count)) == own)
            // It was no auto-swap: the old version answers.
            #expect(try await fixture.live().number == 1)

            let swapped = try await fixture.versions.swap(to: version.id, fence: nil)
            #expect(swapped.from == 1 && swapped.to == 2)
            #expect(try await fixture.live().id == version.id)
        }
    }

    @Test("vectors that another version and the cache have lost are embedded anew, and only those")
    func lostVectors() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<40))
            let live = try await fixture.live()
            try await fixture.base.store.pool.execute(Statement("DELETE FROM embedding_cache"))
            let lost = try await fixture.base.store.pool.execute(
                Statement("DELETE FROM embeddings_g\(live.id) WHERE chunk_id % 3 = 0")
            )
            _ = fixture.base.embedder.takeEmbedded()
            let version = try await fixture.rebuild()
            #expect(version.state == .ready)
            #expect(fixture.base.embedder.takeEmbedded().count == lost && version.embedded == lost)
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("a no-go and an inconclusive one fail the version; it is never swapped in")
    func refused() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            for verdict in [GateVerdict.noGo, .inconclusive] {
                fixture.gates.say(verdict)
                let version = try await fixture.rebuild(IndexVersionChange(isAutoSwap: true))
                #expect(version.state == .failed && version.problem?.contains(verdict.rawValue) == true)
                await #expect(throws: IndexRefusal.self) { try await fixture.versions.swap(to: version.id, fence: nil) }
            }
            #expect(try await fixture.live().number == 1)
        }
    }

    @Test("without gates nothing is swapped in, and the task says what it waits for")
    func noGates() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<5))
            var pipeline = fixture.pipeline
            pipeline.gates = nil
            let version = try await fixture.versions.create(in: .default, IndexVersionChange(), completing: nil)
            while let ending = try await fixture.base.performNext(.maintenance, pipeline: pipeline) {
                if ending == "declined" { break }
                try await fixture.wake()
            }
            #expect(try await fixture.current(version).state == .validating)
            #expect(
                try await fixture.base.count("SELECT count(*) FROM attempts WHERE error_class = 'gates.missing'") == 1
            )
        }
    }

    @Test("a worker without the model leaves the judging to another: no attempt is used, and the version waits")
    func unfit() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<5))
            fixture.gates.lack(TaskFailure(errorClass: "model.unknown", message: "not here"))
            let version = try await fixture.versions.create(in: .default, IndexVersionChange(), completing: nil)
            while let ending = try await fixture.perform(.maintenance) {
                if ending == "declined" { break }
                try await fixture.wake()
            }
            #expect(try await fixture.current(version).state == .validating)
            let kept = "SELECT count(*) FROM tasks WHERE kind = 'index.rebuild' AND state = 'scheduled' AND attempt = 0"
            #expect(try await fixture.base.count(kept) == 1)
            fixture.gates.lack(nil)
            try await fixture.settle()
            #expect(try await fixture.current(version).state == .ready)
        }
    }

    @Test("auto-swap: evidence that went stale is measured again before the version answers")
    func autoSwap() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let version = try await fixture.rebuild(IndexVersionChange())
            fixture.gates.be(.stale)
            await #expect(throws: IndexRefusal.evidence(.stale)) {
                try await fixture.versions.swap(to: version.id, fence: nil)
            }
            try await fixture.base.store.pool.execute(Statement("UPDATE index_versions SET auto_swap = true"))
            _ = try await fixture.versions.resume(version.id)
            try await fixture.settle()
            #expect(try await fixture.live().id == version.id)
            #expect(fixture.gates.calls == 2)
        }
    }

    @Test("two swaps at once: one wins, and the other says why it does not")
    func race() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            for round in 0..<10 {
                let target = round % 2 == 0 ? version : first
                let wins = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            do {
                                _ = try await fixture.versions.swap(to: target.id, fence: nil)
                                return true
                            } catch is IndexRefusal {
                                return false
                            } catch {
                                Issue.record("neither swapped nor refused: \(error)")
                                return false
                            }
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(wins == 1)
                #expect(try await fixture.live().id == target.id)
            }
            #expect(try await fixture.base.count("SELECT epoch FROM indexes") == 11)
        }
    }

    @Test("swap and rollback lose nothing: the version that soaks is written to")
    func rollback() async throws {
        try await RebuildFixture.run { fixture in
            let uri = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            // Changed, added, while the old one soaks.
            try fixture.base.write("a.txt", RebuildFixture.prose(5..<30))
            _ = try await fixture.base.request(uri)
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(50..<70))
            #expect(try await fixture.isWhole(first))
            let report = try await fixture.versions.rollback(.default)
            #expect(report.to == first.number && report.from == version.number)
            #expect(try await fixture.live().id == first.id)
            #expect(try await fixture.current(version).state == .soaking)
            #expect(try await fixture.isWhole(version))
            let chunks = try await fixture.base.count("SELECT count(*) FROM chunks")
            #expect(try await fixture.base.count("SELECT count(*) FROM embeddings_g\(first.id)") == chunks)
        }
    }

    @Test("a version that soaks and has lost vectors is not gone back to; repaired, it is")
    func repair() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let lost = try await fixture.base.store.pool.execute(
                Statement("DELETE FROM embeddings_g\(first.id) WHERE chunk_id % 2 = 0")
            )
            await #expect(throws: IndexRefusal.incomplete(missing: lost, surplus: 0, pending: 0)) {
                try await fixture.versions.rollback(.default)
            }
            #expect(try await fixture.versions.repair(first.id) == lost)
            await #expect(throws: IndexRefusal.incomplete(missing: lost, surplus: 0, pending: 1)) {
                try await fixture.versions.rollback(.default)
            }
            try await fixture.settle()
            #expect(try await fixture.versions.repair(first.id) == 0)
            #expect(try await fixture.versions.rollback(.default).to == first.number)
        }
    }

    @Test("retired: not before its soak is over; then its table is gone, and vectors of a model that nothing uses")
    func retire() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            guard case .later(let left) = try await fixture.versions.retire(first.id, isForced: false, fence: nil)
            else {
                Issue.record("it was retired in the middle of its soak")
                return
            }
            #expect(left > .seconds(86_000))
            #expect(try await fixture.versions.retire(version.id, isForced: true, fence: nil) == .needed)
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .wasDropped)
            #expect(
                try await fixture.base.count("SELECT count(to_regclass('embeddings_g\(first.id)'))") == 0
            )
            await #expect(throws: (any Error).self) { try await fixture.versions.rollback(.default) }
            // An ingest afterwards writes to what is left.
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(0..<5, "after"))
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("who makes a version says how long the one before can be gone back to; gone back, it is as it was")
    func soak() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            func left(_ version: IndexVersionRecord) async throws -> Int {
                try await fixture.base.count(
                    "SELECT round(extract(epoch FROM soak_until - now()))::int8 FROM index_versions WHERE id = \(version.id)"
                )
            }
            let version = try await fixture.rebuild(IndexVersionChange(soak: .seconds(7 * 86_400)))
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            #expect(abs(try await left(first) - 7 * 86_400) < 60)
            let delay = try await fixture.base.count(
                "SELECT round(extract(epoch FROM run_at - now()))::int8 FROM tasks WHERE kind = 'index.retire'"
            )
            #expect(abs(delay - 7 * 86_400) < 60)
            _ = try await fixture.versions.rollback(.default)
            #expect(abs(try await left(version) - 7 * 86_400) < 60)
        }
    }

    @Test("what cannot be is refused before anything is computed of it")
    func impossible() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            for change in [
                IndexVersionChange(m: .max), IndexVersionChange(m: -1),
                IndexVersionChange(soak: .seconds(Int64.max)), IndexVersionChange(soak: .seconds(-1)),
            ] {
                await #expect(throws: TaskFailure.self) { try await fixture.versions.plan(.default, change) }
                await #expect(throws: TaskFailure.self) {
                    try await fixture.versions.create(in: .default, change, completing: nil)
                }
            }
        }
    }

    @Test("aborted: it is dropped by its task, and another rebuild may begin")
    func abort() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.advance(
                version.id,
                .aborted,
                IndexVersionFacts(),
                reason: "no more",
                fence: nil
            )
            _ = try await fixture.perform(.maintenance)
            let aborted = try await fixture.current(version)
            #expect(aborted.state == .aborted && aborted.droppedAt != nil)
            #expect(try await fixture.rebuild().number == 3)
        }
    }
}
