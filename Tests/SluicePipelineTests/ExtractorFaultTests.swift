import Glibc
import SluiceCore
import SluicePipeline
import SluiceTestKit
import Testing

@Suite("Documents that attack their extractor", .timeLimit(.minutes(3)))
struct ExtractorFaultTests {
    private static func attack(
        _ what: String,
        _ pool: ExtractorPool,
        limits: ExtractionLimits = ExtractorFixture.limits
    ) async throws -> ExtractionReply {
        try await ExtractorFixture.withFile("%SLUICE-TEST \(what)\n") {
            try await pool.extract(path: $0, limits: limits)
        }
    }

    private static func readsNormally(_ pool: ExtractorPool) async throws -> Bool {
        try await pool.extract(path: ExtractorFixture.path("three-pages.pdf"), limits: .init()).outcome == .ok
    }

    @Test(
        "a child that ends or lies is reported and replaced",
        arguments: [
            ("crash", .crashed(signal: SIGABRT)), ("fault", .crashed(signal: SIGSEGV)),
            ("oom", .crashed(signal: SIGABRT)),
            ("exit", .crashed(signal: 0)), ("garbage", .crashed(signal: 0)), ("lie", .crashed(signal: 0)),
            ("close", .crashed(signal: 0)), ("flood", .tooLarge),
        ] as [(String, ExtractionOutcome)]
    )
    func faults(what: String, expected: ExtractionOutcome) async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let limits = ExtractionLimits(
                maxPages: 10_000_000,
                maxCharacters: 8_000_000,
                wallClock: .seconds(30),
                addressSpace: 1 << 30
            )
            let reply = try await Self.attack(what, pool, limits: limits)
            #expect(reply.outcome == expected, "\(reply.detail)")
            #expect(reply.text == nil)
            #expect(try await Self.readsNormally(pool))
        }
    }

    @Test(
        "what the confinement forbids ends the child or fails",
        arguments: [
            ("socket", .crashed(signal: SIGSYS)), ("exec", .crashed(signal: SIGSYS)),
            ("fork", .crashed(signal: SIGSYS)),
            ("kill", .crashed(signal: SIGSYS)), ("write_file", .crashed(signal: 0)),
        ] as [(String, ExtractionOutcome)]
    )
    func forbidden(what: String, expected: ExtractionOutcome) async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let reply = try await Self.attack(what, pool)
            #expect(reply.outcome == expected, "\(reply.detail)")
            // 91 is the hook's own code for an attempt that was refused, 90 for one that went through.
            #expect(!reply.detail.contains("90"))
            #expect(access("/tmp/sluice-extractor-probe", F_OK) != 0)
        }
    }

    @Test("other files cannot be read where the kernel has Landlock")
    func otherFiles() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            guard try await pool.greeting().confinement.contains(.landlock) else { return }
            #expect(try await Self.attack("read_file", pool).detail.contains("91"))
        }
    }

    @Test("a hanging child is ended after the wall clock's limit, a spinning one after the CPU's")
    func timeouts() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let hang = try await Self.attack("hang", pool, limits: ExtractionLimits(wallClock: .milliseconds(300)))
            #expect(hang.outcome == .timeout)
            let spin = try await Self.attack(
                "spin",
                pool,
                limits: ExtractionLimits(wallClock: .seconds(60), cpuSeconds: 1)
            )
            #expect(spin.outcome == .timeout)
            #expect(spin.detail.contains("CPU"))
            #expect(try await Self.readsNormally(pool))
            let statistics = pool.statistics()
            #expect(statistics.childrenTimedOut == 2)
            #expect(statistics.childrenStarted == 3)
        }
    }

    @Test("cancellation ends a child that hangs, and a caller that waits for its place, at once")
    func cancellation() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            try await withThrowingTaskGroup(of: ExtractorError?.self) { group in
                let forever = ExtractionLimits(wallClock: .seconds(3_600), cpuSeconds: 3_600)
                for _ in 0..<3 {
                    group.addTask {
                        do {
                            _ = try await Self.attack("hang", pool, limits: forever)
                            return nil
                        } catch {
                            return error as? ExtractorError
                        }
                    }
                }
                try await eventually("a child hangs") { pool.statistics().documentsInProgress == 1 }
                group.cancelAll()
                for try await error in group { #expect(error == .cancelled) }
            }
            #expect(pool.statistics().documents == 0)
            #expect(try await Self.readsNormally(pool))
        }
    }

    @Test("a document that kills its child costs no neighbour")
    func neighbours() async throws {
        try await ExtractorFixture.withPool(children: 2) { (pool: ExtractorPool) async throws in
            let outcomes = try await withThrowingTaskGroup(of: ExtractionOutcome.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        if number.isMultiple(of: 4) { return try await Self.attack("crash", pool).outcome }
                        return try await pool.extract(path: ExtractorFixture.path("three-pages.pdf"), limits: .init())
                            .outcome
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes == [.crashed(signal: SIGABRT): 10, .ok: 30])
        }
    }

    @Test("a child is kept warm and replaced after its share of documents")
    func reuse() async throws {
        try await ExtractorFixture.withPool(documentsPerChild: 3) { (pool: ExtractorPool) async throws in
            for _ in 0..<7 { #expect(try await Self.readsNormally(pool)) }
            let statistics = pool.statistics()
            #expect(statistics.childrenStarted == 3)
            #expect(statistics.childrenReplaced == 2)
            #expect(statistics.documents == 7)
        }
    }

    @Test("hooks are deaf without the flag")
    func hooksAreOff() async throws {
        let pool = ExtractorPool(ExtractorConfiguration(children: 1, honoursTestHooks: false))
        let reply = try await Self.attack("crash", pool)
        #expect(reply.text?.text == "%SLUICE-TEST crash\n")
        await pool.shutdown()
    }

    @Test("a missing or unfit extractor is an error that says so")
    func unfit() async throws {
        for (path, expected) in [("/nowhere/extractor", "SLUICE_EXTRACTOR"), ("/bin/true", "ended with code 0")] {
            let pool = ExtractorPool(ExtractorConfiguration(executable: path, children: 1))
            do {
                _ = try await pool.extract(path: ExtractorFixture.path("no-text.pdf"), limits: .init())
                Issue.record("\(path) served a document")
            } catch {
                #expect(error.description.contains(expected))
            }
            await pool.shutdown()
        }
    }

    @Test("after shutdown no document is taken, and no child is left")
    func shutdown() async throws {
        let pool = ExtractorPool(ExtractorConfiguration(children: 2))
        let reader = try await pool.reader()
        #expect(reader.contains("poppler"))
        await pool.shutdown()
        await #expect(throws: ExtractorError.closed) {
            try await pool.extract(path: ExtractorFixture.path("no-text.pdf"), limits: .init())
        }
    }

    @Test("children are confined as far as the kernel allows")
    func confinement() async throws {
        let confinement = try await ExtractorFixture.withPool { try await $0.greeting().confinement }
        #expect(confinement.isSuperset(of: .required))
        #expect(confinement.contains(.unprivilegedUser) == (geteuid() == 0))
    }
}
