import Glibc
import SluiceTestKit

extension TestFleet {
    /// Writes a file below the scratch folder and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = "\(scratch)/\(name)"
        if let slash = name.lastIndex(of: "/") { mkdir("\(scratch)/\(name[..<slash])", 0o755) }
        guard let file = fopen(path, "w") else { throw NeverHappened(what: "writing \(path)", waited: .zero) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw NeverHappened(what: "writing all of \(path)", waited: .zero)
        }
        return path
    }

    /// A folder of PDFs, `pages` pages each.
    func writePDFs(_ count: Int, pages: Int, folder: String = "docs") throws -> String {
        for number in 0..<count {
            let content = (0..<pages).map { Prose.lines(document: number, page: $0) }
            try write("\(folder)/doc\(number).pdf", MiniPDF.make(pages: content, title: "Handbook \(number)"))
        }
        return "\(scratch)/\(folder)"
    }

    /// One worker a queue, as the Procfile starts them.
    func startWorkers(ingestion: Int = 2, embedding: Int = 1) throws -> [Executable] {
        [
            try start("worker", ["--queues", "ingestion", "--concurrency", "\(ingestion)"]),
            try start("worker", ["--queues", "embedding", "--concurrency", "\(embedding)"]),
            try start("worker", ["--queues", "maintenance"]),
        ]
    }

    func status() async throws -> StatusReport {
        try decode(StatusReport.self, from: try await ctl(["status", "--json"]).output)
    }
}
