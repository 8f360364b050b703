import Glibc
import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Texts kept for another chunker", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkTextTests {
    private func texts(_ fixture: RebuildFixture) async throws -> Int {
        try await fixture.base.count("SELECT count(*) FROM document_texts")
    }

    @Test("one text a document, of its live version; nothing of an erased one")
    func kept() async throws {
        try await RebuildFixture.run { fixture in
            let uri = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(0..<10))
            #expect(try await texts(fixture) == 2)
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(5..<12))
            #expect(try await texts(fixture) == 2)
            #expect(
                try await fixture.base.count(
                    "SELECT count(*) FROM document_texts JOIN documents ON live_version = version_id AND document_id = id"
                ) == 2
            )
            // Given up for a newer one before it went live.
            try fixture.base.write("a.txt", RebuildFixture.prose(20..<30))
            _ = try await fixture.base.request(uri)
            _ = try await fixture.perform(.ingestion)
            #expect(try await texts(fixture) == 3)
            try fixture.base.write("a.txt", RebuildFixture.prose(40..<50))
            _ = try await fixture.base.request(uri)
            try await fixture.settle()
            #expect(try await texts(fixture) == 2)
            _ = try await fixture.delete(uri)
            #expect(try await texts(fixture) == 1)
        }
    }

    @Test("documents from before are read again, unchanged ones for their text alone")
    func readAgain() async throws {
        try await RebuildFixture.run { fixture in
            let text = RebuildFixture.prose(0..<15)
            let uri = try await fixture.ingest("a.txt", text)
            let other = try await fixture.ingest("b.txt", text)
            try await fixture.base.store.pool.execute(Statement("DELETE FROM document_texts"))
            // Another source by now: a new version, cut for both.
            let changed = RebuildFixture.prose(7..<22)
            try fixture.base.write("b.txt", changed)
            let plan = try await fixture.versions.plan(.default, RebuildFixture.wider)
            #expect(plan.facts.unread == 2)
            let version = try await fixture.rebuild(RebuildFixture.wider)
            #expect(version.state == .ready, "\(version.problem ?? "")")
            let first = try await fixture.live()
            for each in [first, version] {
                #expect(try await fixture.pieces(uri, each) == fixture.expected(text, each))
                #expect(try await fixture.pieces(other, each) == fixture.expected(changed, each))
            }
            #expect(try await fixture.isCovered(version))
            #expect(
                try await fixture.base.count("SELECT count(*) FROM document_versions WHERE state = 'superseded'") == 1
            )
            #expect(try await texts(fixture) == 2)
        }
    }

    @Test("a source that is gone holds the rebuild, which says so; back again and retried, it goes on")
    func gone() async throws {
        try await RebuildFixture.run { fixture in
            let text = RebuildFixture.prose(0..<15)
            let uri = try await fixture.ingest("a.txt", text)
            _ = try await fixture.ingest("b.txt", text)
            try await fixture.base.store.pool.execute(Statement("DELETE FROM document_texts"))
            unlink("\(fixture.base.folder)/a.txt")
            let begun = try await fixture.versions.create(in: .default, RebuildFixture.wider, completing: nil)
            for _ in 0..<40 {
                for queue in QueueName.all { while try await fixture.perform(queue) != nil {} }
                try await fixture.wake()
                if try await fixture.current(begun).problem != nil { break }
            }
            let held = try await fixture.current(begun)
            #expect(held.state == .building && held.problem?.contains("cannot be cut anew") == true)
            #expect(held.problem?.contains("a.txt") == true)
            // It goes on answering, and is asked for no second time.
            let live = try await fixture.live()
            #expect(try await fixture.pieces(uri, live) == fixture.expected(text, live))
            #expect(try await fixture.base.deadLetters().count == 1)
            for _ in 0..<3 {
                while try await fixture.perform(.maintenance) != nil {}
                try await fixture.wake()
            }
            #expect(try await fixture.perform(.ingestion) == nil)

            try fixture.base.write("a.txt", text)
            _ = try await fixture.base.store.retryDead(DeadLetterFilter(), limit: 10)
            try await fixture.settle()
            let version = try await fixture.current(begun)
            #expect(version.state == .ready && version.problem == nil)
            #expect(try await fixture.pieces(uri, version) == fixture.expected(text, version))
        }
    }

    @Test("a source that gives no text any more holds it too; without the document it goes on")
    func unreadable() async throws {
        try await RebuildFixture.run { fixture in
            let uri = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<15))
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(0..<15))
            try await fixture.base.store.pool.execute(Statement("DELETE FROM document_texts"))
            try fixture.base.write("a.txt", "!encrypted\n")
            let begun = try await fixture.versions.create(in: .default, RebuildFixture.wider, completing: nil)
            for _ in 0..<20 {
                for queue in QueueName.all { while try await fixture.perform(queue) != nil {} }
                try await fixture.wake()
                if try await fixture.current(begun).problem != nil { break }
            }
            #expect(try await fixture.current(begun).problem?.contains("cannot be cut anew") == true)
            _ = try await fixture.delete(uri)
            try await fixture.settle()
            #expect(try await fixture.current(begun).state == .ready)
        }
    }
}
