package import Logging
public import Sluice
internal import SluiceCore
internal import SluiceInference
internal import SluiceSearch
internal import SluiceStore
internal import SluiceSystem

/// Searches indexes from inside an application. One for a process; safe to use from anywhere.
///
/// Asks the index's live version, and goes along with swaps: version and model are found in the same snapshot as the answer. Connects
/// when first used; its database role reads the fleet's schema, and writes what canaries are judged by and what is kept of questions,
/// where it may. `close` when done.
public final class SluiceReader: Sendable {
    private let store: Store
    private let searcher: Searcher

    /// - Parameters:
    ///   - models: what makes vectors of questions; those of the versions that may answer. None is needed to search by words.
    ///   - keepsQuestions: keeps a sample of the questions asked here, of indexes whose operator wants it
    ///     (`workerctl indexes questions --on`): what gates ask best is what readers ask. Off unless both say so. Text and mode, by tenant
    ///     and day; not who asked, how it was filtered, or what was found. It is written beside the searches every few seconds: no
    ///     search waits for it or fails for it, and what cannot be written is dropped.
    /// - Throws: when a setting cannot be used; nothing is connected yet.
    public convenience init(
        _ settings: SluiceSettings,
        models: [QuestionModel] = [],
        keepsQuestions: Bool = false
    ) throws(SluiceError) {
        try self.init(settings, models: models, keepsQuestions: keepsQuestions, logger: Logger(label: "sluice"))
    }

    package init(
        _ settings: SluiceSettings,
        models: [QuestionModel],
        keepsQuestions: Bool,
        logger: Logger
    ) throws(SluiceError) {
        // A closed peer must be an error of one call, not the end of the process.
        Environment.ignoreBrokenPipes()
        try settings.check()
        store = Store(configuration: settings.postgres("sluice-reader"), schema: settings.schema, logger: logger)
        searcher = Searcher(
            pool: store.pool,
            embedders: models,
            questions: keepsQuestions ? QuestionLog(pool: store.pool) : nil
        )
    }

    /// The chunks that answer best, best first.
    ///
    /// - Throws: when the question cannot be answered as it is put, there is no such index, none of the models is the version's, a model
    ///   fails, or the server does (`isTransient`).
    public func search(_ question: SluiceQuestion) async throws(SluiceError) -> SluiceAnswer {
        try await translating { SluiceAnswer(try await searcher.search(try question.request())) }
    }

    /// Writes what is still to be written, questions above all, and ends all connections. What is kept would be lost otherwise, a few
    /// seconds' worth.
    public func close() async {
        await searcher.flush()
        store.close()
    }
}
