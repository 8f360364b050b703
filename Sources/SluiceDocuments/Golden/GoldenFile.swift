internal import FoundationEssentials
package import SluiceCore

/// A file of golden queries that cannot be used: which line, and why.
package struct GoldenFileError: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    package let reason: String

    package var description: String { "\(file):\(line): \(reason)" }
}

/// Reads golden queries.
///
/// One JSON object a line: `{"query": "…", "tenant": "acme", "slice": "billing", "relevant": [{"uri": "file:///a.pdf", "page": 3},
/// {"document": "a.pdf", "grade": 2}]}`; `tenant`, `slice`, `page` and `grade` may be left out. Or the form of BEIR: `queries.jsonl`
/// with `_id` or `id` and `text`, and `qrels.tsv` with query, document and score.
package enum GoldenFile {
    /// Of one file or set.
    package static let maxQueries = 100_000
    static let maxText = 8_000

    private struct Line: Decodable {
        struct Relevant: Decodable {
            let uri: String?
            let document: String?
            let page: Int?
            let grade: Double?
        }

        let query: String?
        let tenant: String?
        let slice: String?
        let relevant: [Relevant]?
    }

    /// - Parameter tenant: of lines that name none.
    package static func parse(
        _ text: String,
        named file: String,
        tenant: TenantID
    ) throws(GoldenFileError) -> [GoldenQuery] {
        var queries: [GoldenQuery] = []
        var known: [Key: Int] = [:]
        for (number, line) in lines(text) {
            func refuse(_ reason: String) -> GoldenFileError { .init(file: file, line: number, reason: reason) }
            let entry: Line
            do {
                entry = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            } catch DecodingError.typeMismatch(_, let context) {
                throw refuse("'\(path(context))' has the wrong type")
            } catch {
                throw refuse("this is no JSON object")
            }
            guard let query = entry.query else { throw refuse("'query' is missing") }
            try check(query, "query", refuse)
            var own = tenant
            if let name = entry.tenant {
                guard let named = TenantID(rawValue: name) else {
                    throw refuse("'tenant' is no tenant's name: \(NameRule.sentence)")
                }
                own = named
            }
            let slice = entry.slice ?? ""
            guard slice.utf8.count <= 200, !slice.unicodeScalars.contains("\0") else {
                throw refuse("'slice' is longer than 200 bytes, or has a NUL character")
            }
            guard let relevant = entry.relevant, !relevant.isEmpty else {
                throw refuse("'relevant' names nothing: a query without an answer measures nothing")
            }
            guard relevant.count <= 1_000 else { throw refuse("'relevant' names more than 1000 answers") }
            if let before = known.updateValue(number, forKey: Key(tenant: own, text: query)) {
                throw refuse("this query of tenant '\(own)' is in line \(before) already")
            }
            queries.append(
                GoldenQuery(
                    tenant: own,
                    text: query,
                    slice: slice,
                    relevant: try relevant.map { one throws(GoldenFileError) in
                        try Self.relevant(one, refuse)
                    }
                )
            )
            if queries.count > maxQueries { throw refuse("more than \(maxQueries) queries") }
        }
        guard !queries.isEmpty else { throw .init(file: file, line: 1, reason: "there is no query in it") }
        return queries
    }

    private struct Key: Hashable { let tenant: TenantID, text: String }

    private static func relevant(
        _ line: Line.Relevant,
        _ refuse: (String) -> GoldenFileError
    ) throws(GoldenFileError) -> GoldenRelevant {
        let document: GoldenRelevant.Document
        switch (line.uri, line.document) {
        case (let uri?, nil):
            try check(uri, "uri", refuse)
            document = .uri(uri)
        case (nil, let name?):
            try check(name, "document", refuse)
            document = .name(name)
        default: throw refuse("an answer in 'relevant' has either 'uri' or 'document'")
        }
        if let page = line.page, !(1...10_000_000).contains(page) { throw refuse("'page' is from 1 on, not \(page)") }
        let grade = line.grade ?? 1
        guard grade > 0, grade <= 1_000 else { throw refuse("'grade' is above 0 and at most 1000, not \(grade)") }
        return GoldenRelevant(document, page: line.page, grade: grade)
    }

    // MARK: - BEIR

    private struct Question: Decodable {
        let id: String
        let text: String

        enum CodingKeys: String, CodingKey { case id, underscored = "_id", text }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            id =
                try values.decodeIfPresent(String.self, forKey: .underscored)
                ?? values.decode(String.self, forKey: .id)
            text = try values.decode(String.self, forKey: .text)
        }
    }

    /// Queries without an answer above 0 are left out, as BEIR's own measuring does.
    ///
    /// - Parameters:
    ///   - queries: lines with `_id` or `id` and `text`.
    ///   - qrels: query, document and score, tabs between; a first line without a number for a score is a heading.
    package static func parseBEIR(
        queries: (text: String, file: String),
        qrels: (text: String, file: String),
        tenant: TenantID
    ) throws(GoldenFileError) -> [GoldenQuery] {
        var answers: [String: [GoldenRelevant]] = [:]
        for (number, line) in lines(qrels.text) {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else {
                throw .init(
                    file: qrels.file,
                    line: number,
                    reason: "a line has query, document and score, tabs between"
                )
            }
            guard let score = Double(fields[2]) else {
                if number == 1 { continue }
                throw .init(file: qrels.file, line: number, reason: "the score '\(fields[2])' is no number")
            }
            guard score > 0 else { continue }
            guard score <= 1_000 else {
                throw .init(file: qrels.file, line: number, reason: "the score is above 1000")
            }
            answers[fields[0], default: []].append(GoldenRelevant(.name(fields[1]), grade: score))
        }
        var result: [GoldenQuery] = []
        var known: Set<String> = []
        for (number, line) in lines(queries.text) {
            func refuse(_ reason: String) -> GoldenFileError { .init(file: queries.file, line: number, reason: reason) }
            guard let question = try? JSONDecoder().decode(Question.self, from: Data(line.utf8)) else {
                throw refuse("a line is an object with '_id' (or 'id') and 'text'")
            }
            guard let relevant = answers.removeValue(forKey: question.id) else { continue }
            try check(question.text, "text", refuse)
            // Two queries of one text would count one of them twice.
            guard known.insert(question.text).inserted else { continue }
            result.append(GoldenQuery(tenant: tenant, text: question.text, slice: "", relevant: relevant))
            if result.count > maxQueries { throw refuse("more than \(maxQueries) queries") }
        }
        guard !result.isEmpty else {
            throw .init(file: queries.file, line: 1, reason: "no query in it has an answer in \(qrels.file)")
        }
        return result
    }

    // MARK: - Lines

    /// Lines that are not blank, with their numbers from 1.
    private static func lines(_ text: String) -> [(Int, Substring)] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            .filter { $0.element.contains { !$0.isWhitespace } }.map { ($0.offset + 1, $0.element) }
    }

    private static func check(
        _ text: String,
        _ field: String,
        _ refuse: (String) -> GoldenFileError
    ) throws(GoldenFileError) {
        guard text.contains(where: { !$0.isWhitespace }) else { throw refuse("'\(field)' is empty") }
        guard text.utf8.count <= maxText else { throw refuse("'\(field)' is longer than \(maxText) bytes") }
        guard !text.unicodeScalars.contains("\0") else { throw refuse("'\(field)' has a NUL character") }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.map(\.stringValue).joined(separator: ".")
    }
}
