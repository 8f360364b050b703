import Glibc
import SluiceCore
import SluicePipeline

/// Documents and pools for the extractor's tests.
enum ExtractorFixture {
    /// The folder of the repository's small documents.
    static let folder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Fixtures/documents"

    static func path(_ name: String) -> String { folder + "/" + name }

    /// Short limits, so that a hang costs a test little.
    static let limits = ExtractionLimits(wallClock: .seconds(20))

    /// Runs `body` with a pool whose children honour test hooks, and shuts it down.
    static func withPool<Value>(
        children: Int = 1,
        documentsPerChild: Int = 200,
        _ body: (ExtractorPool) async throws -> Value
    ) async throws -> Value {
        let configuration = ExtractorConfiguration(
            children: children,
            documentsPerChild: documentsPerChild,
            honoursTestHooks: true
        )
        let pool = ExtractorPool(configuration)
        do {
            let value = try await body(pool)
            await pool.shutdown()
            return value
        } catch {
            await pool.shutdown()
            throw error
        }
    }

    /// Gives `body` the path of a temporary file with `bytes`, readable by its owner only.
    static func withFile<Value>(
        _ bytes: [UInt8],
        suffix: String = ".txt",
        _ body: (String) async throws -> Value
    ) async throws -> Value {
        var template = Array("/tmp/sluice-extractor-XXXXXX\(suffix)".utf8CString)
        let descriptor = mkstemps(&template, Int32(suffix.utf8.count))
        guard descriptor >= 0 else { throw ExtractorError.fileUnavailable(path: suffix, reason: "mkstemps") }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        guard write(descriptor, bytes, bytes.count) == bytes.count, close(descriptor) == 0 else {
            throw ExtractorError.fileUnavailable(path: path, reason: "write")
        }
        return try await body(path)
    }

    static func withFile<Value>(
        _ text: String,
        suffix: String = ".txt",
        _ body: (String) async throws -> Value
    ) async throws -> Value {
        try await withFile(Array(text.utf8), suffix: suffix, body)
    }
}
