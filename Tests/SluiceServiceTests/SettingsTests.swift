import Logging
import SluiceCore
import SluicePostgres
import SluiceService
import SluiceStore
import SluiceSystem
import Testing

@Suite("Settings")
struct SettingsTests {
    private func read(_ environment: [String: String], files: [String: String] = [:]) throws -> Settings {
        try Settings(environment: environment, home: "/home/sluice", readFile: { files[$0] })
    }

    @Test("the environment prevails over the embedded servers' file, and that over the defaults")
    func precedence() throws {
        let files = [
            "/home/sluice/run/environment":
                "# written by scripts/up\nexport SLUICE_DATABASE_URL='postgresql://u:p@h/d'\nSLUICE_CHUNK_SIZE=500\n"
        ]
        let embedded = try read([:], files: files)
        #expect(embedded.databaseURL == "postgresql://u:p@h/d")
        #expect(embedded.chunkSize == 500 && embedded.chunkOverlap == 100)
        let own = try read(["SLUICE_DATABASE_URL": "postgresql://mine", "SLUICE_CHUNK_SIZE": "700"], files: files)
        #expect(own.databaseURL == "postgresql://mine" && own.chunkSize == 700)
    }

    @Test("all connections open sealed payloads, and let go of a lost worker's rows when its lease ends")
    func stores() throws {
        let settings = try read([
            "SLUICE_DATABASE_URL": "postgresql://u:p@localhost:1/d", "SLUICE_LEASE_SECONDS": "7",
            "SLUICE_PAYLOAD_KEYS": "autumn:" + Base64.text(of: [UInt8](repeating: 7, count: 32)),
        ])
        let logger = Logger.line("test", level: "critical")
        let stores = [
            settings.makeStore("test", logger: logger), settings.makeControlStore("test", queues: 1, logger: logger),
        ]
        for store in stores {
            #expect("\(store.payloadKeys)".contains("autumn"))
            store.close()
        }
        #expect(settings.postgres("test").idleInTransactionTimeout == .seconds(7))
    }

    @Test(
        "a reranker's address is never taken for a folder, which errors would name",
        arguments: ["HTTPS://user:s3cret@host", "user:s3cret@host", "https://host/?key=s3cret", "//user:s3cret@host"]
    )
    func rerankerAddress(address: String) async throws {
        let settings = try read([
            "SLUICE_DATABASE_URL": "postgresql://u:p@localhost:1/d", "SLUICE_RERANKER": address,
            "SLUICE_OPENVINO_LIBRARY": "/none", "SLUICE_OPENVINO_TOKENIZERS": "/none",
        ])
        let error = await #expect(throws: (any Error).self) { _ = try await settings.makeReranker() }
        #expect(error.map { "\($0)".contains("s3cret") } == false)
    }

    @Test("secrets may come from files")
    func secretFiles() throws {
        let settings = try read(
            ["SLUICE_DATABASE_URL_FILE": "/run/secrets/db"],
            files: ["/run/secrets/db": "postgresql://from-file\n"]
        )
        #expect(settings.databaseURL == "postgresql://from-file")
    }

    @Test("everything that is wrong is said at once, by name")
    func problems() throws {
        let error = #expect(throws: SettingsError.self) {
            try read(["SLUICE_CHUNK_SIZE": "many", "SLUICE_SCHEMA": "a; drop", "SLUICE_LOG_LEVEL": "loud"])
        }
        let text = try #require(error).description
        for name in ["SLUICE_DATABASE_URL", "SLUICE_CHUNK_SIZE", "SLUICE_SCHEMA", "SLUICE_LOG_LEVEL"] {
            #expect(text.contains(name))
        }
    }

    @Test(
        "addresses are shown without passwords",
        arguments: [
            ("postgresql://user:secret@host:5432/db?sslmode=require", "postgresql://user@host:5432/db"),
            ("redis://:secret@host:6379/0", "redis://host:6379/0"),
            ("host=x password=secret", "(address in key=value form)"),
        ]
    )
    func masking(url: String, shown: String) {
        #expect(MaskedURL(url).description == shown)
    }
}
