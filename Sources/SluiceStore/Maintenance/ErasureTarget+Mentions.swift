internal import SluiceDocuments
internal import SluicePostgres

/// What is the fleet's own and names a tenant: it stays, without the name.
extension ErasureTarget {
    /// The tenant's name as a word of its own: 'acme' is not meant by 'acme-2', and is at the end of a sentence. What stands around
    /// it is looked at, not taken: of names in a row none is passed over.
    static let word = """
        ('(?<![a-z0-9._-])' || replace($1, '.', '\\.') || '(?![a-z0-9_-]|\\.[a-z0-9._-])')
        """

    /// Keys of an event's detail under which there is free text. The others hold numbers and the fleet's own words, of which one
    /// may happen to be a tenant's name.
    private static let textKeys = ["reason", "problem"]

    static func mentions(of tenant: PGValue, in tables: [ErasureCatalogue.Table]) -> [ErasureTarget] {
        func target(_ table: String, _ action: Action, _ condition: String) -> ErasureTarget {
            ErasureTarget(
                table: table,
                action: action,
                way: .byIndex,
                from: table,
                condition: condition,
                values: [tenant]
            )
        }
        func texts(_ table: String, _ columns: [String], pages: Int64? = nil) -> ErasureTarget {
            let name = quotedIdentifier(table)
            let holds = columns.map { "\(name).\($0) ~ \(word)" }.joined(separator: " OR ")
            return ErasureTarget(
                table: table,
                action: .clearTexts,
                way: pages.map { .byPages($0) } ?? .byIndex,
                from: name,
                condition: pages == nil ? holds : "\(name).tenant_id = 'default' AND (\(holds))",
                values: [tenant],
                columns: columns
            )
        }
        var targets = [
            target("audit_events", .clearAudit, "filter ->> 'tenant' = $1 OR reason ~ \(word)"),
            target(
                "gate_results",
                .clearGates,
                """
                detail ->> 'note' ~ \(word) OR EXISTS (
                    SELECT FROM jsonb_array_elements(detail -> 'figures') AS figure WHERE figure ->> 'slice' ~ \(word)
                )
                """
            ),
            target(
                "index_events",
                .clearEvents,
                textKeys.map { "detail ->> '\($0)' ~ \(word)" }.joined(separator: " OR ")
            ),
            texts("index_versions", ["problem"]),
        ]
        // Tasks of the fleet itself say of whom they could not build an index, or for whom they were cancelled.
        for table in tables {
            if table.name == "tasks" { targets.append(texts(table.name, ["cancel_reason"], pages: table.pages)) }
            if table.name.hasPrefix("tasks_archive_") {
                targets.append(texts(table.name, ["reason"], pages: table.pages))
            }
            if table.name == "attempts" || table.name == "dead_letters" {
                targets.append(texts(table.name, ["error_message"], pages: table.pages))
            }
        }
        return targets
    }

    /// Sets what `clearTexts`, `clearGates` and `clearEvents` change.
    func cleared() -> String {
        func without(_ text: String) -> String { "regexp_replace(\(text), \(Self.word), '(erased)', 'g')" }
        return switch action {
        case .clearGates:
            """
            detail = detail || jsonb_build_object('note', \(without("detail ->> 'note'")), 'figures', (
                SELECT coalesce(jsonb_agg(CASE WHEN figure ->> 'slice' ~ \(Self.word)
                    THEN figure || jsonb_build_object('slice', \(without("figure ->> 'slice'"))) ELSE figure END ORDER BY place), '[]')
                FROM jsonb_array_elements(detail -> 'figures') WITH ORDINALITY AS figures (figure, place)
            ))
            """
        case .clearEvents:
            """
            detail = detail || jsonb_strip_nulls(jsonb_build_object(
                \(Self.textKeys.map { "'\($0)', \(without("detail ->> '\($0)'"))" }.joined(separator: ", "))
            ))
            """
        default: columns.map { "\($0) = \(without($0))" }.joined(separator: ", ")
        }
    }
}
