import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Rebuilding with another model", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RebuildModelTests {
    private func candidateChange(_ fixture: RebuildFixture) -> IndexVersionChange {
        IndexVersionChange(model: fixture.pipeline.candidateModel)
    }

    @Test(
        "every chunk is embedded once by the new model; after the swap ingests use it, and the old version is kept whole"
    )
    func swap() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            let uri = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<30))
            let first = try await fixture.live()
            _ = fixture.base.embedder.takeEmbedded()
            let version = try await fixture.rebuild(candidateChange(fixture))
            #expect(version.state == .ready && version.embedded == version.planned)
            #expect(candidate.takeEmbedded().count == version.planned)
            #expect(fixture.base.embedder.takeEmbedded().isEmpty)

            // While it waits, it is written to by tasks of its own.
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(100..<110))
            #expect(try await fixture.isWhole(version))
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            #expect(
                try await fixture.base.count(
                    "SELECT count(*) FROM indexes WHERE query_model = '\(version.spec.model.fingerprint)'"
                ) == 1
            )
            let calls = fixture.base.reader.calls
            let batch = try await fixture.base.request(uri)
            try await fixture.settle()
            #expect(try await fixture.base.documents.ingestState(batch, tenant: .default).results == ["unchanged": 1])
            #expect(fixture.base.reader.calls == calls, "a swap makes no document be read again")

            _ = (candidate.takeEmbedded(), fixture.base.embedder.takeEmbedded())
            _ = try await fixture.ingest("c.txt", RebuildFixture.prose(200..<220))
            let chunks = fixture.base.chunks(of: RebuildFixture.prose(200..<220)).count
            #expect(candidate.takeEmbedded().count == chunks && fixture.base.embedder.takeEmbedded().count == chunks)
            let (newIsWhole, oldIsWhole) = (try await fixture.isWhole(version), try await fixture.isWhole(first))
            #expect(newIsWhole && oldIsWhole)

            #expect(try await fixture.versions.rollback(.default).to == first.number)
            _ = try await fixture.ingest("d.txt", RebuildFixture.prose(300..<310))
            #expect(try await fixture.isWhole(first))
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("a candidate model that fails keeps no document from answering, and is not swapped in")
    func broken() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let version = try await fixture.rebuild(candidateChange(fixture))
            candidate.fail(unusable: "poison")
            let uri = try await fixture.ingest("b.txt", RebuildFixture.prose(0..<10, "poison"))
            #expect(try await fixture.base.document(uri)?.state == "live")
            let letters = try await fixture.base.deadLetters()
            #expect(letters.map(\.kind) == [EmbedIndexInput.kind])
            let refusal = await #expect(throws: IndexRefusal.self) {
                try await fixture.versions.swap(to: version.id, fence: nil)
            }
            if case .incomplete(let missing, _, let pending) = refusal {
                #expect(missing > 0 && pending == 1)
            } else {
                Issue.record("refused for another reason: \(String(describing: refusal))")
            }
            candidate.fail()
            _ = try await fixture.base.store.retryDead(DeadLetterFilter(), limit: 10)
            try await fixture.settle()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("a rebuild waits for its dead tasks, says so, and goes on when they are retried")
    func blocked() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10, "poison"))
            candidate.fail(unusable: "Line 4")
            let version = try await fixture.versions.create(
                in: .default,
                candidateChange(fixture),
                completing: nil
            )
            for _ in 0..<5 {
                for queue in QueueName.all { while try await fixture.perform(queue) != nil {} }
                try await fixture.wake()
            }
            let waiting = try await fixture.current(version)
            #expect(waiting.state == .building && waiting.problem?.contains("dead") == true)
            candidate.fail()
            _ = try await fixture.base.store.retryDead(DeadLetterFilter(), limit: 10)
            try await fixture.settle()
            let ready = try await fixture.current(version)
            #expect(ready.state == .ready && ready.problem == nil)
        }
    }

    @Test("a worker without the model leaves the task to another, without an attempt")
    func declined() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let version = try await fixture.versions.create(in: .default, candidateChange(fixture), completing: nil)
            while try await fixture.perform(.maintenance) != nil {}
            var poor = fixture.pipeline
            poor.candidateEmbedder = nil
            #expect(try await fixture.base.performNext(.embedding, pipeline: poor) == "declined")
            try await fixture.settle()
            #expect(try await fixture.current(version).state == .ready)
        }
    }

    @Test(
        "a swap between staging and embedding: the document goes live with the new model, and the old version gets it too"
    )
    func swappedMeanwhile() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild(candidateChange(fixture))
            let uri = try fixture.base.write("b.txt", RebuildFixture.prose(50..<70))
            let batch = try await fixture.base.request(uri)
            while try await fixture.perform(.ingestion) != nil {}
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            try await fixture.settle()
            let state = try await fixture.base.documents.ingestState(batch, tenant: .default)
            #expect(state.results == ["ok": 1] && state.isOver)
            let (newIsWhole, oldIsWhole) = (try await fixture.isWhole(version), try await fixture.isWhole(first))
            #expect(newIsWhole && oldIsWhole)
            // Staged after the swap, from a snapshot of before.
            try fixture.base.write("b.txt", RebuildFixture.prose(55..<75))
            _ = try await fixture.base.request(uri)
            fixture.base.reader.whileReading { _ = try await fixture.versions.rollback(.default) }
            try await fixture.settle()
            #expect(try await fixture.base.document(uri)?.state == "live")
            let wholes = (try await fixture.isWhole(version), try await fixture.isWhole(first))
            #expect(wholes.0 && wholes.1)
        }
    }

    @Test("swaps between two models while documents change: refused while vectors are outstanding, and both end whole")
    func underWrites() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            for number in 0..<4 {
                _ = try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<12, "w\(number)"))
            }
            let first = try await fixture.live()
            let version = try await fixture.rebuild(candidateChange(fixture))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 0..<30 {
                        let text = RebuildFixture.prose(round..<round + 8, "r\(round % 5)")
                        _ = try await fixture.base.request(try fixture.base.write("\(round % 6).txt", text))
                        for queue in [QueueName.ingestion, .embedding] {
                            while let ending = try await fixture.perform(queue) {
                                #expect(ending == "settled" || ending == "cancelled", "a task ended as \(ending)")
                            }
                        }
                    }
                }
                group.addTask {
                    for round in 0..<12 {
                        let target = round.isMultiple(of: 2) ? version : first
                        try await eventually("swap \(round)", within: .seconds(60)) {
                            do {
                                _ = try await fixture.versions.swap(to: target.id, fence: nil)
                                return true
                            } catch IndexRefusal.incomplete {
                                return false
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await fixture.settle()
            let wholes = (try await fixture.isWhole(version), try await fixture.isWhole(first))
            #expect(wholes.0 && wholes.1)
            #expect(try await fixture.base.deadLetters().isEmpty)
            #expect(try await fixture.base.count("SELECT count(*) FROM staged_chunks") == 0)
        }
    }

    @Test("the last version with a model takes the model's vectors out of the cache when it is retired")
    func uncached() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild(candidateChange(fixture))
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let old = "SELECT count(*) FROM embedding_cache WHERE model_fingerprint = '\(first.spec.model.fingerprint)'"
            let count = try await fixture.base.count(old)
            #expect(count > 0)
            #expect(
                try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: count)
            )
            #expect(try await fixture.base.count(old) == 0)
            #expect(try await fixture.base.count("SELECT count(*) FROM embedding_cache") > 0)
        }
    }

    @Test("plans: nothing to embed for the same model, everything for another, nothing again once it is cached")
    func plans() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let chunks = try await fixture.base.count("SELECT count(*) FROM chunks")
            let same = try await fixture.versions.plan(.default, IndexVersionChange(storage: .vector))
            #expect(same.facts.chunks == chunks && same.facts.reusable == chunks && same.spec.storage == .vector)
            let other = try await fixture.versions.plan(.default, candidateChange(fixture))
            #expect(other.facts.reusable == 0 && other.facts.charactersToEmbed > 100)
            _ = try await fixture.rebuild(candidateChange(fixture))
            let again = try await fixture.versions.plan(.default, candidateChange(fixture))
            #expect(again.facts.reusable == chunks && again.facts.charactersToEmbed == 0)
            #expect(other.facts.databaseBytes > 1_000_000)
            await #expect(throws: TaskFailure.self) {
                try await fixture.versions.plan(IndexName(trusted: "nowhere"), IndexVersionChange())
            }
        }
    }

    @Test("index.rebuild of an index makes one version, however often its task runs, and says what it cannot make")
    func created() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            var input = RebuildIndexInput(index: .default)
            input.autoSwap = true
            input.storage = "vector"
            let tasks = [input, input]
            for task in tasks {
                try await fixture.enqueue(task)
                #expect(try await fixture.perform(.maintenance) == "settled")
            }
            try await fixture.settle()
            let live = try await fixture.live()
            #expect(live.number == 2 && live.spec.storage == .vector)
            input.m = 200
            try await fixture.enqueue(input)
            #expect(try await fixture.perform(.maintenance) == "dead")
            input.m = nil
            var poor = fixture.pipeline
            poor.room = IndexPlan.Room(memoryMegabytes: 0)
            try await fixture.enqueue(input)
            #expect(try await fixture.base.performNext(.maintenance, pipeline: poor) == "dead")
            input.model = "candidate"
            try await fixture.enqueue(input)
            #expect(try await fixture.perform(.maintenance) == "declined")
        }
    }
}

extension RebuildFixture {
    func enqueue(_ input: some TaskInput) async throws {
        _ = try await base.store.pool.transaction { transaction in
            try await base.store.enqueue([try NewTask(input, tenant: .default, priority: 0)], in: transaction)
        }
    }
}
