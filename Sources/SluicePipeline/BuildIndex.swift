internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue

/// `index.build`: makes sure that an index version has a valid HNSW index.
package struct BuildIndex: Sendable {
    private let indexes: any IndexStore

    init(indexes: any IndexStore) { self.indexes = indexes }

    package func perform(_ input: BuildIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let isNew = try await indexes.buildHNSW(IndexVersionID(rawValue: input.version)) { progress in
            context.progress(progress.done, of: progress.total, progress.phase)
        }
        context.logger.info(isNew ? "index built" : "index was there", metadata: ["index.version": "\(input.version)"])
        return .completed
    }
}
