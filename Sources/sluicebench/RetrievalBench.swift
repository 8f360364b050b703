internal import ArgumentParser
import FoundationEssentials
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceSearch
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

/// How questions are answered.
enum RetrievalMode: String, CaseIterable, ExpressibleByArgument {
    case dense, bm25, hybrid
    /// Hybrid, of which SLUICE_RERANKER judges the first hundred anew.
    case rerank

    func request(_ text: String, _ count: Int) -> SearchRequest {
        var request = SearchRequest(text: text, count: count, mode: SearchMode(rawValue: rawValue) ?? .hybrid)
        if self == .rerank { request.rerank = 100 }
        return request
    }
}

struct Retrieval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "How well questions with known answers are answered, through ingestion and search.",
        discussion: """
            DIR holds corpus.jsonl (id, title, text), queries.jsonl (id, text) and qrels.tsv (question, document, grade); or pdfs/ and
            queries.jsonl (id, text, doc, page, or gold with several such pairs). Several modes are measured on one ingestion.
            """
    )

    @Option(name: .long, help: "The set's folder.") var dataset: String
    @Option(name: .long, help: "dense, bm25, hybrid or rerank; may be given several times.")
    var mode: [RetrievalMode] = [.hybrid]
    @Option(name: .long, help: "test, or train for the questions to tune with (train_queries.jsonl, train_qrels.tsv).")
    var split = "test"
    @OptionGroup var output: BenchOutput

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluicebench-\(WorkerID.random())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let set = try RetrievalSet(dataset, prefix: split == "test" ? "" : split + "_", into: folder)
        try await BenchSchema.run { settings in
            let bench = RetrievalBench(settings: settings, set: set)
            for result in try await bench.run(mode) { try output.print(result) }
        }
    }
}

struct RetrievalBench {
    struct Result: Encodable, Sendable {
        let mode: String
        let queries: Int
        var ndcg10: Double?
        var recall10: Double?
        var recall100: Double?
        var mrr10: Double
        /// Of a dense search through the HNSW index with default settings, whatever the tenant's size: the part of the ten nearest chunks
        /// that comparing everything finds; what is as near as the tenth counts as it.
        var index_recall10: Double?
        /// Of sets of PDFs: the part of the questions with a right page among the first hits.
        var page1: Double?
        var page5: Double?
        var page10: Double?
        /// Of a search for ten hits, the question's embedding with it.
        let p50_ms: Double
        let p95_ms: Double
        let chunks: Int
        let ingest_seconds: Double
    }

    let settings: Settings
    let set: RetrievalSet

    func run(_ modes: [RetrievalMode]) async throws -> [Result] {
        let settings = settings
        let set = set
        let embedder = try await settings.makeEmbedder(streams: 1)
        let reranker = modes.contains(.rerank) ? try await settings.makeReranker() : nil
        if modes.contains(.rerank) && reranker == nil {
            throw ValidationError("--mode rerank wants SLUICE_RERANKER: a model's folder, or the address of a server")
        }
        return try await PipelineFleet.run(settings) { documents, store, announce in
            let index = try await PostgresIndexStore(store, announce: announce).ensureIndex(
                .default,
                model: try settings.modelIdentity(),
                chunkerFingerprint: try settings.makeChunker().fingerprint
            )
            let start = ContinuousClock.now
            let receipt = try await documents.requestIngest(
                of: set.files,
                tenant: .default,
                index: index,
                label: "retrieval"
            )
            var state = try await documents.ingestState(receipt.batch, tenant: .default)
            while !state.isOver {
                try await Task.sleep(for: .milliseconds(50))
                state = try await documents.ingestState(receipt.batch, tenant: .default)
            }
            let seconds = start.elapsed.inSeconds
            guard state.results["ok"] == set.files.count else {
                throw ValidationError("of \(set.files.count) documents not all were ingested: \(state.results)")
            }
            let searcher = Searcher(pool: store.pool, embedder: embedder, reranker: reranker)
            var results: [Result] = []
            for mode in modes {
                results.append(try await measure(searcher, mode, state.chunks, seconds))
            }
            return results
        }
    }

    private func measure(
        _ searcher: Searcher,
        _ mode: RetrievalMode,
        _ chunks: Int,
        _ seconds: Double
    ) async throws -> Result {
        let asked = set.questions.filter { set.isOfPages ? !$0.places.isEmpty : set.grades[$0.id] != nil }
        guard !asked.isEmpty else { throw ValidationError("no question of the set has a known answer") }
        var milliseconds: [Double] = []
        var (ndcg, recall10, recall100, mrr) = (0.0, 0.0, 0.0, 0.0)
        var ranks: [Int] = []
        for question in asked {
            let start = ContinuousClock.now
            let first = try await searcher.search(mode.request(question.text, 10)).hits
            milliseconds.append(start.elapsed.inSeconds * 1_000)
            if set.isOfPages {
                if let rank = first.first(where: { Self.hit($0, question.places) })?.rank { ranks.append(rank) }
                continue
            }
            // Enough chunks for a hundred documents.
            let hits = try await searcher.search(mode.request(question.text, 500)).hits
            var known: Swift.Set<String> = []
            let documents = hits.map { Self.name($0.uri) }.filter { known.insert($0).inserted }
            let grades = set.grades[question.id] ?? [:]
            let right = Swift.Set(grades.keys)
            ndcg += RetrievalMetrics.ndcg(documents, grades, at: 10)
            recall10 += RetrievalMetrics.recall(documents, right, at: 10)
            recall100 += RetrievalMetrics.recall(documents, right, at: 100)
            mrr += RetrievalMetrics.reciprocalRank(documents, right, at: 10)
        }
        let indexRecall = mode == .dense ? try await recallOfIndex(searcher, asked) : nil
        milliseconds.sort()
        let count = Double(asked.count)
        var result = Result(
            mode: mode.rawValue,
            queries: asked.count,
            mrr10: mrr / count,
            index_recall10: indexRecall,
            p50_ms: quantile(milliseconds, 0.5),
            p95_ms: quantile(milliseconds, 0.95),
            chunks: chunks,
            ingest_seconds: seconds
        )
        if set.isOfPages {
            result.mrr10 = ranks.reduce(0) { $0 + 1 / Double($1) } / count
            result.page1 = Double(ranks.count { $0 <= 1 }) / count
            result.page5 = Double(ranks.count { $0 <= 5 }) / count
            result.page10 = Double(ranks.count) / count
        } else {
            (result.ndcg10, result.recall10, result.recall100) = (ndcg / count, recall10 / count, recall100 / count)
        }
        return result
    }

    private func recallOfIndex(_ searcher: Searcher, _ questions: [RetrievalSet.Question]) async throws -> Double {
        var sum = 0.0
        for question in questions {
            var request = RetrievalMode.dense.request(question.text, 10)
            request.method = .exact
            let exact = try await searcher.search(request).hits
            request.method = .index
            let found = try await searcher.search(request).hits
            // halfvec keeps eleven bits; sums over hundreds of them differ by less.
            guard let last = exact.last?.score else { throw ValidationError("nothing was ingested") }
            sum += Double(min(exact.count, found.count { $0.score >= last - 1e-6 })) / Double(exact.count)
        }
        return sum / Double(questions.count)
    }

    private static func hit(_ hit: SearchHit, _ places: [RetrievalSet.Place]) -> Bool {
        guard let from = hit.pageFrom, let to = hit.pageTo else { return false }
        let name = hit.uri.split(separator: "/").last.map(String.init)
        return places.contains { $0.document == name && (from...to).contains($0.page) }
    }

    /// The last part of the address, without its ending.
    private static func name(_ uri: String) -> String {
        let last = uri.split(separator: "/").last ?? ""
        return String(last.prefix { $0 != "." })
    }
}
