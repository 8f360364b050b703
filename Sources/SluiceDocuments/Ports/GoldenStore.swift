package import SluiceCore
package import SluiceSystem

/// Where golden queries are kept.
package protocol GoldenStore: Sendable {
    /// Makes the set hold exactly these queries. False when it held them already: nothing is changed then.
    ///
    /// - Parameter digest: of the queries; equal digests are equal queries.
    /// - Returns: nil when there is no such index.
    func importGolden(_ queries: [GoldenQuery], as set: String, into index: IndexName, digest: SHA256Digest)
        async throws
        -> Bool?
    func goldenSets(of index: IndexName) async throws -> [GoldenSet]
    /// False when there is none of this name.
    func removeGolden(_ set: String, of index: IndexName) async throws -> Bool
    /// Answers of a set that name no document of their tenant in the index, as it is now: misspelt, or not ingested yet.
    func strayAnswers(of set: String, in index: IndexName) async throws -> Int
    /// Of one set, or of all, in the order in which they were imported.
    func golden(of index: IndexID, set: String?) async throws -> [GoldenQuery]
}

extension GoldenQuery {
    /// Equal for equal queries in equal order.
    package static func digest(of queries: [GoldenQuery]) -> SHA256Digest {
        var bytes: [UInt8] = []
        // Lengths before texts, so that no two lists give the same bytes.
        func add(_ text: String) { bytes += "\(text.utf8.count):".utf8 + Array(text.utf8) }
        for query in queries {
            for text in [query.tenant.rawValue, query.text, query.slice, "\(query.relevant.count)"] { add(text) }
            for answer in query.relevant {
                switch answer.document {
                case .uri(let uri): add("u" + uri)
                case .name(let name): add("n" + name)
                }
                add("\(answer.page ?? 0) \(answer.grade)")
            }
        }
        return SHA256Digest(of: bytes)
    }
}
