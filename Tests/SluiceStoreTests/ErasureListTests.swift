import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceSystem
import Testing

@Suite("Receipts of erasures", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(1)))
struct ErasureListTests {
    @Test("one is found by its name however many came after it; the limit is of those found")
    func found() async throws {
        try await withTestStore { store in
            // The digest is over the salt, here of one byte, and the name as receipts write it.
            let digest = SHA256Digest(of: [7] + Array("tenant\nacme".utf8)).bytes
            try await store.pool.execute(
                Statement(
                    """
                    INSERT INTO erasures (scope, salt, subject, who, completed_at)
                    SELECT 'tenant', '\\x07', CASE WHEN number % 600 = 1 THEN $1 ELSE '\\x00' END, 'me@here', now()
                    FROM generate_series(1, 1801) AS number ORDER BY number
                    """,
                    [.bytes(digest)]
                )
            )
            let acme = ErasureName(tenant: TenantID(trusted: "acme"))
            let all = try await store.erasures(limit: 50) { $0.isOf(acme) }
            #expect(all.map(\.id.rawValue) == [1801, 1201, 601, 1])
            #expect(try await store.erasures(limit: 2) { $0.isOf(acme) }.map(\.id.rawValue) == [1801, 1201])
            #expect(try await store.erasures(limit: 1_500) { _ in true }.count == 1_500)
            #expect(try await store.erasures(limit: 10_000) { _ in true }.count == 1_801)
            let nobody = ErasureName(tenant: TenantID(trusted: "nobody"))
            #expect(try await store.erasures(limit: 50) { $0.isOf(nobody) }.isEmpty)
        }
    }
}
