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
    /// comparing one that is known to match: at eight times the two cost the same at the root of 8 × `wanted` × `vectors`. Twice as
    /// many cost little more, and nothing is missed then: among a million vectors, where one in fifty matched, the index found 86 % of
    /// the nearest ten in as much time as comparing all took.
    ///
    /// - Parameter vectors: of all tenants in the version, or in its partition, since all are met on the way; nil when they were never counted.
    static func chunks(wanted: Int, vectors: Int?) -> Int {
        guard let vectors else { return 4_000 }
        return min(20_000, max(1_000, 2 * Int((8 * Double(wanted) * Double(vectors)).squareRoot())))
    }
}

extension MatchingBound {
    /// From how many matching documents on it is likely that they have more than so many chunks: finding out costs more than a
    /// filtered scan of the index then. A quarter above the average, for those that are shorter than
    /// others.
    ///
    /// - Parameter each: chunks of a document on the average; nil: not known.
    static func documents(chunks: Int, each: Double?) -> Int {
        guard let each, each > 2 else { return chunks }
        return min(chunks, max(500, Int(1.25 * Double(chunks) / each)))
    }
}

enum ScopeStatements {
    /// Documents that match, in any order; nil when there are more than `limit`.
    static func documents(
        _ narrowing: Narrowing,
        _ pointer: Pointer,
        _ tenant: TenantID,
        limit: Int
    ) -> Statement<[Int64]?> {
        var binder = Binder()
        let limit = binder.bind(.int8(Int64(limit)))
        guard narrowing.isDecidedByFacets else {
            let rows = matching(narrowing, pointer, tenant, &binder)
            return unless("SELECT documents.id FROM \(rows) LIMIT \(limit)::int8 + 1", exceeds: limit, binder.values)
        }
        // That there are too many is seen in the facets alone.
        let looked = looked(narrowing, pointer, tenant, &binder)
        let documents = matching(narrowing, pointer, tenant, &binder, among: "SELECT document_id FROM looked")
        return unless(
            """
            SELECT documents.id FROM \(documents) AND (SELECT count(*) FROM looked) <= \(limit)::int8
            LIMIT \(limit)::int8 + 1
            """,
            exceeds: limit,
            binder.values,
            first: """
                WITH looked AS MATERIALIZED (
                    SELECT document_id FROM document_facets WHERE \(looked) LIMIT \(limit)::int8 + 1
                )
                """,
            and: "(SELECT count(*) FROM looked) <= \(limit)::int8"
        )
    }

    /// The chunks of these documents that the version reads; nil when there are more than `limit`.
    static func chunks(_ documents: [Int64], _ pointer: Pointer, _ tenant: TenantID, limit: Int) -> Statement<[Int64]?>
    {
        unless(
            """
            SELECT id FROM chunks WHERE document_id = ANY ($1::int8[]) AND tenant_id = $2 AND chunk_set = $4
            LIMIT $3::int8 + 1
            """,
            exceeds: "$3",
            [.int8Array(documents), .text(tenant.rawValue), .int8(Int64(limit)), .int4(pointer.chunkSet)]
        )
    }

    /// One row with all numbers as one value: thousands of rows would cost more on their way than they did to find.
    private static func unless(
        _ numbers: String,
        exceeds limit: String,
        _ values: [PGValue],
        first: String = "",
        and condition: String = "true"
    ) -> Statement<[Int64]?> {
        Statement(
            """
            \(first)
            SELECT \(condition) AND count(*) <= \(limit)::int8, CASE WHEN count(*) <= \(limit)::int8 THEN coalesce(array_agg(id), '{}') ELSE '{}' END
            FROM (\(numbers)) AS found
            """,
            values
        ) { row throws(PostgresError) in try row.bool(0) ? try row.int64Array(1) : nil }
    }

    /// What stands after FROM for the documents that match: those of the index with a facet of each list, then compared.
    ///
    /// - Parameter candidates: a sub-select that has looked at the facets already.
    static func matching(
        _ narrowing: Narrowing,
        _ pointer: Pointer,
        _ tenant: TenantID,
        _ binder: inout Binder,
        among candidates: String? = nil
    ) -> String {
        let (owner, index) = (binder.bind(.text(tenant.rawValue)), binder.bind(.int8(pointer.index.rawValue)))
        var conditions = ["documents.tenant_id = \(owner)", "documents.index_id = \(index)"]
        if let candidates {
            conditions.append("documents.id IN (\(candidates))")
        } else if !narrowing.facets.isEmpty {
            let looked = looked(narrowing, pointer, tenant, &binder)
            conditions.append("documents.id IN (SELECT document_id FROM document_facets WHERE \(looked))")
        }
        conditions.append(narrowing.condition(&binder))
        return "documents \(narrowing.versions) WHERE \(conditions.joined(separator: " AND "))"
    }

    /// On a row of `document_facets`: it has one of each list.
    private static func looked(
        _ narrowing: Narrowing,
        _ pointer: Pointer,
        _ tenant: TenantID,
        _ binder: inout Binder
    ) -> String {
        let (owner, index) = (binder.bind(.text(tenant.rawValue)), binder.bind(.int8(pointer.index.rawValue)))
        var lists: [String] = []
        for list in narrowing.facets {
            let sorts = binder.bind(.textArray(list.map(\.sort.rawValue)))
            let names = binder.bind(.textArray(list.map(\.name)))
            let values = binder.bind(.optionalTextArray(list.map(\.value)))
            lists.append("facets && sluice_facets_of(\(owner), \(index), \(sorts), \(names), \(values))")
        }
        return lists.joined(separator: " AND ")
    }
}
