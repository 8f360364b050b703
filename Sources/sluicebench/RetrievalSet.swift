import FoundationEssentials

/// Questions with known answers, and the documents they are asked of.
struct RetrievalSet {
    struct Question: Decodable, Sendable {
        let id: String
        let text: String
        /// Of sets of PDFs: file name and page, 1-based, of which any is right.
        let gold: [Place]?
        let doc: String?
        let page: Int?

        /// Every right page.
        var places: [Place] {
            if let gold, !gold.isEmpty { return gold }
            guard let doc, let page else { return [] }
            return [Place(document: doc, page: page)]
        }
    }

    struct Place: Decodable, Hashable, Sendable {
        let document: String
        let page: Int

        init(document: String, page: Int) { (self.document, self.page) = (document, page) }

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            document = try values.decode(String.self)
            page = try values.decode(Int.self)
        }
    }

    struct Entry: Decodable { let id: String, title: String?, text: String }

    let questions: [Question]
    /// The right documents of each question, by name, with their grades. Empty for sets of PDFs.
    let grades: [String: [String: Double]]
    let isOfPages: Bool
    let files: [String]

    /// Reads DIR; documents of `corpus.jsonl` are written to `folder` as `<id>.md`, the title as a heading.
    /// - Parameter prefix: of the names of the files with questions and answers.
    init(_ directory: String, prefix: String = "", into folder: URL) throws {
        let root = URL(filePath: directory)
        questions = try Self.lines(root.appending(path: prefix + "queries.jsonl"))
        let corpus = root.appending(path: "corpus.jsonl")
        let manager = FileManager.default
        isOfPages = !manager.fileExists(atPath: corpus.path)
        if isOfPages {
            let pdfs = root.appending(path: "pdfs").path
            files = try manager.contentsOfDirectory(atPath: pdfs).filter { $0.hasSuffix(".pdf") }.sorted()
                .map { pdfs + "/" + $0 }
            grades = [:]
            return
        }
        let entries: [Entry] = try Self.lines(corpus)
        files = try entries.map { entry in
            let file = folder.appending(path: entry.id + ".md")
            let text = (entry.title.map { "# \($0)\n\n" } ?? "") + entry.text
            try Data(text.utf8).write(to: file)
            return file.path
        }
        var grades: [String: [String: Double]] = [:]
        let table = String(decoding: try Data(contentsOf: root.appending(path: prefix + "qrels.tsv")), as: UTF8.self)
        for line in table.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: "\t")
            guard fields.count == 3, let grade = Double(fields[2]), grade > 0 else { continue }
            grades[String(fields[0]), default: [:]][String(fields[1])] = grade
        }
        self.grades = grades
    }

    private static func lines<Value: Decodable>(_ file: URL) throws -> [Value] {
        let decoder = JSONDecoder()
        return try Data(contentsOf: file).split(separator: UInt8(ascii: "\n"))
            .map { try decoder.decode(Value.self, from: Data($0)) }
    }
}
