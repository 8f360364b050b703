package import Logging
package import SluiceCore
package import SluiceDocuments
internal import SluiceInference
internal import SluicePostgres
package import SluiceSearch
package import SluiceStore

extension Settings {
    /// Connections for gates: looks at all rows of an index take longer than other statements may.
    package func makeGateStore(_ name: String, logger: Logger) -> Store {
        var configuration = postgres(name, poolSize: 3)
        configuration.statementTimeout = .seconds(3_600)
        return Store(configuration: configuration, schema: schema, payloadKeys: payloadKeys, logger: logger)
    }

    /// The gates with every model that this process has.
    package func makeGates(
        _ store: Store,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> PostgresIndexGates {
        var embedders = [try await makeEmbedder(streams: 1)]
        if let candidate = try await makeCandidateEmbedder(streams: 1) { embedders.append(candidate) }
        return makeGates(store, with: embedders, report: report)
    }

    func makeGates(
        _ store: Store,
        with embedders: [any Embedder],
        report: @escaping @Sendable (String) -> Void
    ) -> PostgresIndexGates {
        PostgresIndexGates(
            IndexExaminer(
                store: PostgresGateStore(store),
                golden: PostgresGoldenStore(store),
                asked: PostgresQuestionStore(store),
                searcher: Searcher(pool: store.pool, embedders: embedders),
                embedders: embedders,
                report: report
            )
        )
    }
}

/// The gates as a worker has them: connections and models are there for as long as a run takes, which is rare.
package struct FleetGates: IndexGates, DriftCheck {
    private let settings: Settings
    private let logger: Logger

    package init(settings: Settings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// - Throws: `GatesUnfit` when this process has not the models of the version and of the live one, or cannot load them.
    package func judge(_ version: IndexVersionID) async throws -> GateVerdict {
        try await withStore { store in
            // Without the other's model golden queries and known items would be inconclusive, which fails the version.
            let subject = try await PostgresGateStore(store).subject(version, against: nil)
            let needed = [subject?.version, subject?.other].compactMap { $0?.model.fingerprint }
            return try await gates(store, with: try await embedders(Set(needed))).judge(version)
        }
    }

    package func drift(of index: IndexName?) async throws -> [Drift] {
        try await withStore { store in try await gates(store, with: []).drift(of: index) }
    }

    private func embedders(_ needed: Set<String>) async throws -> [any Embedder] {
        var embedders: [any Embedder] = []
        do {
            if needed.contains(try settings.modelIdentity().fingerprint) {
                embedders.append(try await settings.makeEmbedder(streams: 1))
            }
            if let candidate = try settings.candidateIdentity()?.fingerprint, needed.contains(candidate),
                !embedders.contains(where: { $0.model.fingerprint == candidate }),
                let embedder = try await settings.makeCandidateEmbedder(streams: 1)
            {
                embedders.append(embedder)
            }
        } catch let error as SettingsError {
            throw GatesUnfit(TaskFailure(errorClass: "model.unusable", message: "\(error)"))
        } catch let error as InferenceError where !error.isTransient {
            throw GatesUnfit(TaskFailure(errorClass: "model.unusable", message: "\(error)"))
        }
        let missing = needed.subtracting(embedders.map(\.model.fingerprint)).sorted()
        guard missing.isEmpty else {
            throw GatesUnfit(
                TaskFailure(
                    errorClass: "model.unknown",
                    message:
                        "the worker that claimed it cannot judge without model \(missing.joined(separator: " and ")); "
                        + "name it in SLUICE_MODEL or SLUICE_CANDIDATE_MODEL of the maintenance workers"
                )
            )
        }
        return embedders
    }

    private func gates(_ store: Store, with embedders: [any Embedder]) -> PostgresIndexGates {
        let logger = logger
        return settings.makeGates(store, with: embedders) { step in
            logger.debug("gates", metadata: ["step": "\(step)"])
        }
    }

    private func withStore<Value>(_ body: (Store) async throws -> Value) async throws -> Value {
        let store = settings.makeGateStore("sluice-gates", logger: logger)
        defer { store.close() }
        return try await body(store)
    }
}
