internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceInference
internal import SluiceSearch
internal import SluiceService
internal import SluiceStore

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the chunks that answer a question.",
        discussion: "For example: workerctl search \"how are conflicts resolved\" --k 5"
    )

    @Argument(help: "The question.") var query: String
    @Option(name: .long, help: "Hits, 1 to 1000.") var k = 10
    @Option(name: .long, help: "dense (meaning), bm25 (words) or hybrid (both).") var mode: SearchMode = .hybrid
    @Flag(name: .long, help: "Say how each hit came to its place.") var explain = false
    @OptionGroup var tenant: TenantOptions
    @Option(name: .long, help: "Which index to ask.") var index: IndexName = .default
    @Option(name: .long, help: "Ask the version of this number, any that has its table, instead of the live one.")
    var indexVersion: Int?
    @OptionGroup var among: FilterOptions
    @OptionGroup var refine: RefineOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000).contains(k) else { throw ValidationError("--k must be 1 to 1000, not \(k)") }
    }

    func run() async throws {
        let session = try Session()
        var embedders: [any Embedder] = []
        if mode != .bm25 {
            let versions = try await session.versions.versions(of: index)
            let asked = versions.first { indexVersion == nil ? $0.state == .live : $0.number == indexVersion }
            var models = [asked?.spec.model.fingerprint]
            // A canary's questions are embedded with its own model, which need not be the live version's.
            if indexVersion == nil, let canary = try await PostgresCanaries(session.store).canary(of: index),
                canary.isActive
            {
                models.append(versions.first { $0.number == canary.number }?.spec.model.fingerprint)
            }
            embedders = try await session.settings.makeQueryEmbedders(for: models)
        }
        let searcher = Searcher(
            pool: session.store.pool,
            embedders: embedders,
            reranker: refine.rerank == nil ? nil : try await session.settings.makeReranker(),
            questions: QuestionLog(pool: session.store.pool)
        )
        let result: SearchResult
        var request = SearchRequest(
            text: query,
            tenant: tenant.tenant,
            index: index,
            version: indexVersion,
            count: k,
            mode: mode
        )
        request.filter = try among.tree()
        request.principals = among.principals
        request.explains = explain
        refine.apply(to: &request)
        do {
            result = try await searcher.search(request)
        } catch {
            await searcher.flush()
            guard let error = error as? SearchError else { throw error }
            let isMissing = error.code == .noIndex || error.code == .noVersion
            throw CommandFailure(isMissing ? .notFound : .failed, error.description)
        }
        try show(result)
        // This process ends before what was counted and kept would be written by itself. The answer does not wait for it.
        await searcher.flush()
    }

    private func show(_ result: SearchResult) throws {
        if output.json { return try JSON.print(Report(result)) }
        if result.hits.isEmpty { Terminal.say("nothing found for tenant '\(tenant.tenant)' in index '\(index)'") }
        for hit in result.hits { Terminal.write(Self.text(of: hit, explained: explain)) }
        if explain { Terminal.write(Self.how(result)) }
    }

    private static func text(of hit: SearchHit, explained: Bool) -> String {
        let name = hit.title ?? hit.uri.split(separator: "/").last.map(String.init) ?? hit.uri
        let pages =
            switch (hit.pageFrom, hit.pageTo) {
            case (let from?, let to?) where from == to: ", page \(from)"
            case (let from?, let to?): ", pages \(from)-\(to)"
            default: ""
            }
        let head =
            "\(hit.rank). " + Colour.bold(Table.printable(name) + pages) + "  "
            + Format.decimal(hit.score, hit.score < 0.1 ? 4 : 3)
        let words = Table.printable(hit.text).split(separator: " ").joined(separator: " ")
        let excerpt = words.count > 300 ? words.prefix(300) + "…" : words[...]
        let why = explained ? "   \(Colour.dim(Self.why(hit.parts)))\n" : ""
        return "\(head)\n\(why)   \(Colour.dim(Table.printable(hit.uri)))\n   \(excerpt)\n"
    }

    private static func why(_ parts: ScoreParts) -> String {
        var said: [String] = []
        if let rank = parts.denseRank, let similarity = parts.similarity {
            said.append("meaning: \(rank). at \(Format.decimal(similarity, 3))")
        }
        if let rank = parts.lexicalRank, let score = parts.bm25 {
            said.append("words: \(rank). at \(Format.decimal(score, 2))")
        }
        if let score = parts.fused { said.append("both: \(Format.decimal(score, 4))") }
        if let score = parts.reranked { said.append("reranked: \(Format.decimal(score, 3))") }
        if let score = parts.freshness { said.append("fresh: \(Format.decimal(score, 2))") }
        if let score = parts.likeness { said.append("like those before: \(Format.decimal(score, 2))") }
        return said.joined(separator: ", ")
    }

    /// How the answer was come by, and PostgreSQL's plan.
    private static func how(_ result: SearchResult) -> String {
        let trace = result.trace
        var text = "index \(result.index), version \(result.version), epoch \(result.epoch)\n"
        if result.mode != .bm25 {
            text += result.isExact ? "all vectors were compared" : "the HNSW index chose the vectors"
            text += trace.fellBack ? ", since the HNSW index gave up before it had enough\n" : "\n"
        }
        if let matching = trace.matching { text += "\(Format.count(matching)) chunks match the filter\n" }
        for (word, instead) in trace.respelled.sorted(by: { $0.key < $1.key }) {
            text += "no chunk has '\(Table.printable(word))': asked for \(instead.joined(separator: ", "))\n"
        }
        if let reranker = trace.reranker { text += "\(Format.count(trace.reranked)) reranked by \(reranker)\n" }
        return text + trace.plan.map { "  " + Table.printable($0) + "\n" }.joined()
    }

    private struct Report: Encodable {
        struct Parts: Encodable {
            @Explicit var denseRank: Int?
            @Explicit var similarity: Double?
            @Explicit var lexicalRank: Int?
            @Explicit var bm25: Double?
            @Explicit var fused: Double?
            @Explicit var reranked: Double?
            @Explicit var freshness: Double?
            @Explicit var likeness: Double?
        }

        struct Trace: Encodable {
            @Explicit var matching: Int?
            let fellBack: Bool
            let respelled: [String: [String]]
            @Explicit var reranker: String?
            let reranked: Int
            let plan: [String]
        }

        struct Hit: Encodable {
            let rank: Int
            let score: Double
            let parts: Parts
            let document: String
            let uri: String
            @Explicit var title: String?
            @Explicit var pageFrom: Int?
            @Explicit var pageTo: Int?
            let charFrom: Int
            let charTo: Int
            let headingPath: [String]
            let text: String
        }

        let schema = "sluice.search/v1"
        let index: String
        let version: Int
        let epoch: Int64
        let mode: String
        let exact: Bool
        let trace: Trace
        let hits: [Hit]

        init(_ result: SearchResult) {
            index = result.index.rawValue
            version = result.version
            epoch = result.epoch
            mode = result.mode.rawValue
            exact = result.isExact
            trace = Trace(
                matching: result.trace.matching,
                fellBack: result.trace.fellBack,
                respelled: result.trace.respelled,
                reranker: result.trace.reranker,
                reranked: result.trace.reranked,
                plan: result.trace.plan
            )
            hits = result.hits.map { hit in
                Hit(
                    rank: hit.rank,
                    score: hit.score,
                    parts: Parts(
                        denseRank: hit.parts.denseRank,
                        similarity: hit.parts.similarity,
                        lexicalRank: hit.parts.lexicalRank,
                        bm25: hit.parts.bm25,
                        fused: hit.parts.fused,
                        reranked: hit.parts.reranked,
                        freshness: hit.parts.freshness,
                        likeness: hit.parts.likeness
                    ),
                    document: "\(hit.document)",
                    uri: hit.uri,
                    title: hit.title,
                    pageFrom: hit.pageFrom,
                    pageTo: hit.pageTo,
                    charFrom: hit.charFrom,
                    charTo: hit.charTo,
                    headingPath: hit.headingPath,
                    text: hit.text
                )
            }
        }
    }
}

extension SearchMode: ExpressibleByArgument {}
