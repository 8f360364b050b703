internal import FoundationEssentials

/// A reranker behind HTTP that speaks as Text Embeddings Inference does: `POST …/rerank`.
package final class HTTPReranker: Reranker {
    package let name: String
    private let poster: HTTPPoster
    /// What servers take at once unless told otherwise.
    private static let batch = 32

    /// - Parameters:
    ///   - address: of the server, `http://` or `https://`, without user, query or fragment; `/rerank` is added where it is missing.
    ///   - key: sent as a bearer token; never shown.
    ///   - timeout: of one request of 32 passages at most.
    /// - Throws: `.remote` when the address is none. The error does not repeat it: whoever puts a password there does not want it shown.
    package init(address: String, key: String? = nil, timeout: Duration = .seconds(30)) throws(InferenceError) {
        // By its characters: what parses addresses here need not agree with what connects.
        guard !address.unicodeScalars.contains(where: { "@?#\\".unicodeScalars.contains($0) || $0.value <= 0x20 })
        else {
            throw Self.refusal("an address with a user, a query or a fragment; give a secret as SLUICE_RERANKER_KEY")
        }
        guard let url = URL(string: address), let host = url.host(), !host.isEmpty,
            ["http", "https"].contains(url.scheme?.lowercased() ?? "")
        else { throw Self.refusal("neither a folder nor http(s)://…") }
        guard !(key ?? "").unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            throw .remote(host: host, reason: "the key has control characters", isTransient: false)
        }
        // Without its brackets an IPv6 address would seem to end at its first colon.
        let shown = host.contains(":") ? "[\(host)]" : host
        name = url.port.map { "\(shown):\($0)" } ?? shown
        var path = address
        while path.hasSuffix("/") { path.removeLast() }
        var headers = ["Content-Type: application/json", "Accept: application/json", "Expect:"]
        if let key { headers.append("Authorization: Bearer \(key)") }
        poster = try HTTPPoster(
            path.hasSuffix("/rerank") ? path : path + "/rerank",
            name: name,
            headers: headers,
            limits: HTTPPoster.Limits(total: timeout)
        )
    }

    private struct Question: Encodable {
        let query: String
        let texts: [String]
        let raw_scores = true
        /// A passage longer than the model reads is cut instead of refused.
        let truncate = true
    }

    private struct Score: Decodable {
        let index: Int
        let score: Float
    }

    package func scores(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float] {
        var scores: [Float] = []
        for start in stride(from: 0, to: passages.count, by: Self.batch) {
            scores += try await ask(question, Array(passages[start..<min(start + Self.batch, passages.count)]))
        }
        return scores
    }

    private func ask(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float] {
        let body: [UInt8]
        do {
            body = Array(try JSONEncoder().encode(Question(query: question, texts: passages)))
        } catch {
            throw failure("the passages cannot be written as JSON", isTransient: false)
        }
        let answer = try await poster.post(body)
        guard answer.status == 200 else {
            // What the server says may repeat what it was sent.
            let isTransient =
                answer.status == 408 || answer.status == 424 || answer.status == 429 || answer.status >= 500
            throw failure("it answered with status \(answer.status)", isTransient: isTransient)
        }
        guard let list = try? JSONDecoder().decode([Score].self, from: Data(answer.body)) else {
            throw failure("its answer is no list of scores", isTransient: false)
        }
        var scores = [Float?](repeating: nil, count: passages.count)
        for entry in list where scores.indices.contains(entry.index) { scores[entry.index] = entry.score }
        let known = scores.compactMap(\.self)
        guard known.count == passages.count, list.count == passages.count, known.allSatisfy(\.isFinite) else {
            throw failure("it gave \(known.count) scores for \(passages.count) passages", isTransient: false)
        }
        return known
    }

    private static func refusal(_ what: String) -> InferenceError {
        .remote(host: "SLUICE_RERANKER", reason: "it is \(what)", isTransient: false)
    }

    private func failure(_ reason: String, isTransient: Bool) -> InferenceError {
        .remote(host: name, reason: reason, isTransient: isTransient)
    }
}
