import CLibPQ
import Sluice
import SluiceCore
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("The library on real servers", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct LibraryTests {
    private func settings(_ store: Store) throws -> SluiceSettings {
        var settings = SluiceSettings(databaseURL: try TestServers.requireDatabaseURL())
        settings.schema = store.schema
        settings.payloadKeys = "k:" + Base64.text(of: [UInt8](repeating: 7, count: 32))
        return settings
    }

    @Test("the README's example prints its invoice, sealed on the way")
    func example() async throws {
        try await withTestStore { store in
            let settings = try settings(store)
            let status = try #require(try await printInvoice(settings))
            #expect(status.state == .completed && status.attempt == 1 && status.kind == "invoice.print")
            #expect(try await store.task(.init(rawValue: status.id))?.payload.contains("order") == false)
            let client = try SluiceClient(settings)
            defer { client.close() }
            #expect(try await client.task(status.id)?.isSettled == true)
            #expect(try await client.task(4_711_000) == nil)
            let waiting = try await client.enqueue(PrintInvoice(order: 8), TaskOptions(delay: .seconds(900)))
            let seen = try await client.wait(for: waiting.id, atMost: .milliseconds(50))
            #expect(seen?.state == .scheduled && seen?.isSettled == false)
        }
    }

    @Test("a kind that a worker has served is known to enqueue() in SQL")
    func definesKinds() async throws {
        try await withTestStore { store in
            let settings = try settings(store)
            _ = try await printInvoice(settings)
            let connection = try Connection(store.schema, tenant: "default")
            #expect(connection.value("SELECT enqueue('invoice.print', '{\"order\": 1}')") != nil)
            #expect(connection.value("SELECT queue FROM tasks") == "printing")
        }
    }

    @Test("in the caller's own transaction a task exists with its commit, and never after its rollback")
    func borrowed() async throws {
        try await withTestStore { store in
            let client = try SluiceClient(try settings(store))
            defer { client.close() }
            let connection = try Connection(store.schema, tenant: "default")
            connection.run("BEGIN")
            let lost = try client.enqueue(PrintInvoice(order: 1), on: connection.raw)
            connection.run("ROLLBACK")
            #expect(try await client.task(lost) == nil)
            connection.run("BEGIN")
            let kept = try client.enqueue(
                PrintInvoice(order: 2),
                TaskOptions(priority: 2, uniqueKey: "o'2"),
                on: connection.raw
            )
            #expect(try await client.task(kept) == nil, "not before the commit")
            connection.run("COMMIT")
            #expect(try await client.task(kept)?.state == .available)
            #expect(connection.value("SELECT payload::text FROM tasks")?.contains("$sealed") == true)
            #expect(
                try client.enqueue(PrintInvoice(order: 3), TaskOptions(uniqueKey: "o'2"), on: connection.raw) == kept
            )
            // What the server refuses is an error, and the caller's transaction is as any after one.
            connection.run("BEGIN")
            #expect(throws: SluiceError.self) {
                try client.enqueue(PrintInvoice(order: 4), TaskOptions(tenant: "other"), on: connection.raw)
            }
            #expect(PQtransactionStatus(connection.raw) == PQTRANS_INERROR)
            connection.run("ROLLBACK")
        }
    }

    @Test("in bulk: all in order, keys kept, batches counted")
    func bulk() async throws {
        try await withTestStore { store in
            let client = try SluiceClient(try settings(store))
            defer { client.close() }
            let batch = try await client.makeBatch(label: "bulk")
            let ids = try await client.enqueueBulk(
                (1...20_000).map { PrintInvoice(order: $0) },
                TaskOptions(batch: batch)
            ) { "order-\($0.order)" }
            #expect(ids.count == 20_000 && ids == ids.sorted())
            let again = try await client.enqueueBulk(
                (19_999...20_002).map { PrintInvoice(order: $0) },
                TaskOptions(batch: batch)
            ) { "order-\($0.order)" }
            #expect(again.count == 2)
            let progress = try #require(try await store.batch(.init(rawValue: batch), tenant: .default))
            #expect(progress.total == 20_002 && progress.pending == 20_002)
            #expect(try await client.enqueueBulk([PrintInvoice]()).isEmpty)
            await #expect(throws: SluiceError.self) {
                try await client.enqueueBulk([PrintInvoice(order: 1)], TaskOptions(uniqueKey: "one"))
            }
        }
    }

    @Test("settings that cannot be used say why, and show no secret")
    func settings() throws {
        var settings = SluiceSettings(databaseURL: "postgresql://me:secret@host/db")
        settings.payloadKeys = "k:abc"
        #expect(!"\(settings)".contains("secret") && !String(reflecting: settings).contains("secret"))
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("secret") && !dumped.contains("abc"))
        let unusable = settings
        #expect(throws: SluiceError.self) { try SluiceClient(unusable) }
        settings.payloadKeys = nil
        settings.schema = "x; DROP"
        let misnamed = settings
        #expect(throws: SluiceError.self) { try SluiceClient(misnamed) }
    }
}

/// An application's own connection.
private final class Connection {
    let raw: OpaquePointer

    init(_ schema: String, tenant: String) throws {
        raw = try #require(PQconnectdb(try TestServers.requireDatabaseURL()))
        run("SET search_path = \(schema), public")
        run("SET sluice.tenant = '\(tenant)'")
    }

    deinit { PQfinish(raw) }

    func run(_ sql: String) { _ = value(sql) }

    func value(_ sql: String) -> String? {
        let result = PQexec(raw, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK, PQntuples(result) > 0 else { return nil }
        return String(cString: PQgetvalue(result, 0, 0))
    }
}
