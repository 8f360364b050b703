import SluiceCore
import SluiceDocuments
import SluiceServerKit
import SluiceService
import SluiceStore
import Testing

@Suite("Gates of a worker", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(1)))
struct FleetGatesTests {
    @Test("without a model that a verdict needs there is none, and the reason is one to leave the task to others")
    func models() async throws {
        try await withTestStore { store in
            func settings(_ model: String, candidate: String? = nil) throws -> Settings {
                var environment = [
                    "SLUICE_DATABASE_URL": try TestServers.requireDatabaseURL(), "SLUICE_SCHEMA": store.schema,
                    "SLUICE_MODEL": model,
                ]
                environment["SLUICE_CANDIDATE_MODEL"] = candidate
                return try Settings(environment: environment, home: "/nowhere", readFile: { _ in nil })
            }
            func judge(_ settings: Settings, _ version: IndexVersionID) async throws -> GateVerdict {
                try await FleetGates(settings: settings, logger: TestServers.quiet).judge(version)
            }
            let own = try settings("deterministic:32:9")
            let index = try await PostgresIndexStore(store) { _ in }
                .ensureIndex(.default, model: try own.modelIdentity(), chunkerFingerprint: "test")
            let version = index.liveVersion
            #expect(try await !judge(own, version).passes, "an empty index passes nothing, but is judged")
            #expect(try await !judge(settings("deterministic:32", candidate: "deterministic:32:9"), version).passes)
            for (model, errorClass) in [("deterministic:32", "model.unknown"), ("/nowhere/model", "model.unusable")] {
                let unfit = await #expect(throws: GatesUnfit.self) { try await judge(settings(model), version) }
                #expect(unfit?.reason.errorClass == errorClass)
            }
        }
    }
}
