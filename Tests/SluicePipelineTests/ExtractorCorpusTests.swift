import Glibc
import SluiceCore
import SluicePipeline
import SluiceSystem
import Testing

/// Real and hostile PDFs from outside the repository: `SLUICE_SHARED` names the folder that has them under `data/`.
@Suite(
    "Corpora through the confined extractor",
    .enabled(if: Environment.value("SLUICE_SHARED") != nil, "set SLUICE_SHARED"),
    .timeLimit(.minutes(5))
)
struct ExtractorCorpusTests {
    private static var data: String { (Environment.value("SLUICE_SHARED") ?? "") + "/data" }

    private static func files(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".pdf") { names.append(name) }
        }
        return names.sorted()
    }

    @Test("all thirty government PDFs are ok, twenty of them with an empty user password")
    func government() async throws {
        let folder = Self.data + "/usgov-pdf-qa/pdfs"
        let names = Self.files(in: folder)
        #expect(names.count == 30)
        try await ExtractorFixture.withPool(children: 2) { (pool: ExtractorPool) async throws in
            var pages = 0
            for name in names {
                let reply = try await pool.extract(path: folder + "/" + name, limits: .init())
                #expect(reply.outcome == .ok, "\(name): \(reply.detail)")
                pages += reply.text?.pageStarts.count ?? 0
            }
            #expect(pages == 747)
        }
    }

    @Test("four hundred hard PDFs: no crash, no time-out, and outcomes that agree with the manifest")
    func robustness() async throws {
        let folder = Self.data + "/pdf-robust"
        let manifest = (Environment.textFile(folder + "/manifest.jsonl") ?? "").split(separator: "\n")
        #expect(manifest.count > 400)
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            for line in manifest {
                let name = try #require(Self.field("file", in: line))
                let reply = try await pool.extract(
                    path: "\(folder)/files/\(name)",
                    limits: .init(wallClock: .seconds(30))
                )
                let allowed = Self.allowed(line)
                #expect(allowed.contains(reply.outcome), "\(name): \(reply.outcome.name), \(reply.detail)")
                // The empty password was tried already; one file has it and a broken length that poppler does not
                // forgive.
                guard reply.outcome == .encrypted, let password = Self.field("password", in: line), !password.isEmpty
                else {
                    continue
                }
                let opened = try await pool.extract(
                    path: "\(folder)/files/\(name)",
                    passwords: [password],
                    limits: .init(wallClock: .seconds(30))
                )
                #expect(
                    [.ok, .empty, .needsOCR].contains(opened.outcome),
                    "\(name) with its password: \(opened.detail)"
                )
            }
        }
    }

    private static func allowed(_ line: Substring) -> [ExtractionOutcome] {
        if line.contains("\"unreadable\"") { return [.corrupt, .encrypted, .empty] }
        if line.contains("\"user-password\"") { return [.encrypted] }
        // The manifest's kinds count a few letters as no text; here they are text.
        if line.contains("\"image-only\"") { return [.needsOCR, .ok] }
        if line.contains("\"no-text\"") { return [.empty, .ok] }
        return [.ok]
    }

    private static func field(_ name: String, in line: Substring) -> String? {
        guard let start = line.firstRange(of: "\"\(name)\": \"") else { return nil }
        return String(line[start.upperBound...].prefix { $0 != "\"" })
    }
}
