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
        loadsModels: Bool = true,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> PostgresIndexGates {
        var embedders: [any Embedder] = []
        if loadsModels {
            embedders.append(try await makeEmbedder(streams: 1))
            if let candidate = try await makeCandidateEmbedder(streams: 1) { embedders.append(candidate) }
        }
        return PostgresIndexGates(
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

    package func judge(_ version: IndexVersionID) async throws -> GateVerdict {
        try await withGates(loadsModels: true) { try await $0.judge(version) }
    }

    package func drift(of index: IndexName?) async throws -> [Drift] {
        try await withGates(loadsModels: false) { try await $0.drift(of: index) }
    }

    private func withGates<Value>(
        loadsModels: Bool,
        _ body: (PostgresIndexGates) async throws -> Value
    ) async throws -> Value {
        let store = settings.makeGateStore("sluice-gates", logger: logger)
        defer { store.close() }
        let logger = logger
        let gates = try await settings.makeGates(store, loadsModels: loadsModels) { step in
            logger.debug("gates", metadata: ["step": "\(step)"])
        }
        return try await body(gates)
    }
}
