internal import SluiceCore
internal import SluicePostgres

/// Among which of the tenant's chunks a search looks.
enum Scope: Sendable {
    case all
    /// So few that each is looked at.
    case these([ChunkID])
    /// More than one would look at each; how many is not known.
    case matching(Narrowing)

    /// True when it is known that nothing is in it.
    var isEmpty: Bool { if case .these(let chunks) = self { chunks.isEmpty } else { false } }
    var isNarrow: Bool { if case .all = self { false } else { true } }
}

/// Up to how many matching chunks each is compared.
enum MatchingBound {
    /// Following the index until `wanted` of `vectors` match takes `wanted` × `vectors` / matching steps, each several times as dear as
    /// comparing one that is known to match. At eight times the two cost the same at the root of 8 × `wanted` × `vectors`; measured
    /// with a million vectors of 384 numbers it was more, but those that match must be found first (`sluicebench vectors`).
    ///
    /// - Parameter vectors: of all tenants in the version, or in its partition, since all are met on the way; nil when they were never counted.
    static func chunks(wanted: Int, vectors: Int?) -> Int {
        guard let vectors else { return 4_000 }
        return min(20_000, max(1_000, Int((8 * Double(wanted) * Double(vectors)).squareRoot())))
    }
}

enum ScopeStatements {
    /// Documents that match, in any order, no more than `limit`.
    static func documents(
        _ narrowing: Narrowing,
        _ pointer: Pointer,
        _ tenant: TenantID,
        limit: Int
    ) -> Statement<Int64> {
        var binder = Binder()
        let rows = matching(narrowing, pointer, tenant, &binder)
        let limit = binder.bind(.int8(Int64(limit)))
        return Statement("SELECT documents.id FROM \(rows) LIMIT \(limit)", binder.values) {
            row throws(PostgresError) in try row.int64(0)
        }
    }

    /// The chunks of these documents that the version reads, no more than `limit`.
    static func chunks(_ documents: [Int64], _ pointer: Pointer, _ tenant: TenantID, limit: Int) -> Statement<ChunkID> {
        Statement(
            "SELECT id FROM chunks WHERE document_id = ANY ($1::int8[]) AND tenant_id = $2 AND chunk_set = $4 LIMIT $3",
            [.int8Array(documents), .text(tenant.rawValue), .int8(Int64(limit)), .int4(pointer.chunkSet)]
        ) { row throws(PostgresError) in ChunkID(rawValue: try row.int64(0)) }
    }

    /// What stands after FROM for the documents that match: those of the index with a facet of each list, then compared.
    static func matching(
        _ narrowing: Narrowing,
        _ pointer: Pointer,
        _ tenant: TenantID,
        _ binder: inout Binder
    ) -> String {
        let (owner, index) = (binder.bind(.text(tenant.rawValue)), binder.bind(.int8(pointer.index.rawValue)))
        var conditions = ["documents.tenant_id = \(owner)", "documents.index_id = \(index)"]
        var looked: [String] = []
        for list in narrowing.facets {
            let sorts = binder.bind(.textArray(list.map(\.sort.rawValue)))
            let names = binder.bind(.textArray(list.map(\.name)))
            let values = binder.bind(.optionalTextArray(list.map(\.value)))
            looked.append("facets && sluice_facets_of(\(owner), \(index), \(sorts), \(names), \(values))")
        }
        if !looked.isEmpty {
            conditions.append(
                "documents.id IN (SELECT document_id FROM document_facets WHERE \(looked.joined(separator: " AND ")))"
            )
        }
        conditions.append(narrowing.condition(&binder))
        return "documents \(narrowing.versions) WHERE \(conditions.joined(separator: " AND "))"
    }
}
