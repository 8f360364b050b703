internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// The rows of one step, as SQL. Parameters: `$1` the tenant, `$2` the document, `$3` the names of its source, `$4` its URI; a
/// step that needs no document has `$1` alone.
struct ErasureTarget: Sendable {
    /// What happens to rows.
    enum Action: String, Sendable {
        case delete
        /// Settled tasks, and with them the attempts that they had.
        case deleteTasks
        /// Dead letters: their batches count them as cancelled, so that nothing waits for them.
        case deleteLetters
        case clearLabel, clearAudit
        /// Names of tenants in what gates and events say of index versions.
        case clearGates, clearEvents, clearTexts
        /// Cached vectors whose text no chunk of the tenant has.
        case deleteOrphans
        /// Words that no chunk has.
        case deleteUnused
        /// What golden queries expect: their sets are others then, and evidence measured with them is stale.
        case deleteAnswers
        /// Golden queries that nothing answers any more.
        case deleteUnanswered
    }

    let table: String
    let action: Action
    let way: ErasureStep.Way
    /// What stands behind FROM: the table, and what its rows are found by.
    let from: String
    let condition: String
    let values: [PGValue]
    /// Those with the texts that `clearTexts` clears of names.
    var columns: [String] = []
    /// False for what only may be there: it is not looked for before the erasure is complete.
    var isSought = true

    var step: ErasureStep { ErasureStep(name: table, action: action.rawValue, way: way) }
}

extension ErasureTarget {
    static func all(of subject: ErasureSubject, in tables: [ErasureCatalogue.Table], names: [String]) -> [ErasureTarget]
    {
        switch subject {
        case .tenant(let tenant): ofTenant(.text(tenant.rawValue), tables)
        case .document(let id, let tenant, let uri):
            ofDocument(
                [.text(tenant.rawValue), .int8(id.rawValue), .textArray(names), .text(uri)],
                tables
            )
        }
    }

    // MARK: - A tenant

    private static func ofTenant(_ tenant: PGValue, _ tables: [ErasureCatalogue.Table]) -> [ErasureTarget] {
        var targets = [
            ErasureTarget(
                table: "controls",
                action: .delete,
                way: .byIndex,
                from: "controls",
                condition: "scope = 'tenant' AND name = $1",
                values: [tenant]
            )
        ]
        for table in tables {
            let name = quotedIdentifier(table.name)
            var from = name
            var condition = "\(name).tenant_id = $1"
            var way = ErasureStep.Way.byIndex
            if table.indexed.contains("tenant_id") {
                // Found at once.
            } else if table.indexed.contains("document_id"), table.columns.contains("document_id") {
                from = "documents JOIN \(name) ON \(name).document_id = documents.id"
                condition += " AND documents.tenant_id = $1"
            } else {
                way = .byPages(table.pages)
            }
            if table.name == "tasks" { condition += " AND \(name).state <> 'running'" }
            targets.append(
                ErasureTarget(
                    table: table.name,
                    action: table.name == "golden_relevant" ? .deleteAnswers : .delete,
                    way: way,
                    from: from,
                    condition: condition,
                    values: [tenant]
                )
            )
        }
        return targets + mentions(of: tenant, in: tables)
    }

    // MARK: - A document

    /// The condition under which a row with a task's columns worked for the document. Payloads may be sealed: then its key or
    /// what stays readable beside the seal tells.
    static func isTask(_ row: String) -> String {
        """
        \(row).tenant_id = $1 AND (
            \(row).kind = 'document.ingest' AND \(row).unique_key = 'document/' || $2::text
            OR \(row).kind IN ('document.ingest', 'chunks.embed', 'index.embed') AND \(row).payload ->> 'document' = $2::text
            OR \(row).kind = 'chunks.embed' AND EXISTS (
                SELECT FROM document_versions AS version
                WHERE version.document_id = $2 AND version.id::text = \(row).payload ->> 'version'
            )
            OR \(names("\(row).payload::text", isJSON: true))
        )
        """
    }

    /// True where a text holds one of the names as a whole: the source `/a/note` is not meant by `/a/note-2`, nor by `/b/a/note`, but
    /// is at the end of a sentence, and behind a line's end as JSON writes it.
    private static func names(_ text: String, isJSON: Bool = false) -> String {
        let name = isJSON ? "trim(BOTH '\"' FROM to_jsonb(name)::text)" : "name"
        let inName = "[:alnum:]._~%/-"
        return #"""
            EXISTS (
                SELECT FROM unnest($3::text[]) AS names (name)
                WHERE strpos(\#(text), \#(name)) > 0 AND \#(text) ~ (
                    '(^|[^\#(inName)]|\\[bfnrt]|file://[a-z0-9.-]*)'
                    || regexp_replace(\#(name), '([][\\^$.|?*+(){}-])', '\\\1', 'g')
                    || '($|[^\#(inName)]|[.]($|[^\#(inName)]))'
                )
            )
            """#
    }

    private static func ofDocument(_ values: [PGValue], _ tables: [ErasureCatalogue.Table]) -> [ErasureTarget] {
        func target(_ table: String, _ action: Action, _ way: ErasureStep.Way, _ condition: String) -> ErasureTarget {
            ErasureTarget(
                table: table,
                action: action,
                way: way,
                from: quotedIdentifier(table),
                condition: condition,
                values: values
            )
        }
        var targets = [target("dead_letters", .deleteLetters, .byIndex, isTask("dead_letters"))]
        for table in tables where table.name.hasPrefix("tasks_archive_") {
            targets.append(
                target(table.name, .deleteTasks, .byPages(table.pages), isTask(quotedIdentifier(table.name)))
            )
        }
        if let attempts = tables.first(where: { $0.name == "attempts" }) {
            let condition = "attempts.tenant_id = $1 AND \(names("attempts.error_message"))"
            targets.append(target("attempts", .delete, .byPages(attempts.pages), condition))
        }
        targets += [
            target("questions", .delete, .byIndex, "tenant_id = $1 AND \(names("query"))"),
            target("schedules", .delete, .byIndex, "tenant_id = $1 AND \(names("payload::text", isJSON: true))"),
            label(values),
        ]
        for table in tables where table.name != "documents" {
            if table.name == "golden_relevant" {
                targets.append(golden(values))
                continue
            }
            guard let (from, condition) = source(of: table) else { continue }
            targets.append(
                ErasureTarget(
                    table: table.name,
                    action: table.name == "golden_relevant" ? .deleteAnswers : .delete,
                    way: .byIndex,
                    from: from,
                    condition: condition,
                    values: values
                )
            )
        }
        targets.append(target("golden_queries", .deleteUnanswered, .byIndex, unanswered))
        var orphans = target("embedding_cache", .deleteOrphans, .byIndex, ErasureOrphans.condition)
        orphans.isSought = false
        var words = target("words", .deleteUnused, .byIndex, "words.tenant_id = $1 AND NOT sluice_is_held(words.term)")
        words.isSought = false
        var audit = target(
            "audit_events",
            .clearAudit,
            .byIndex,
            "\(names("filter::text", isJSON: true)) OR \(names("reason"))"
        )
        audit.isSought = false
        return targets + [orphans, words, audit]
    }

    /// How rows of a table belong to a document: by its vectors' chunks, by the stage of its versions, by its number or its URI.
    private static func source(of table: ErasureCatalogue.Table) -> (from: String, condition: String)? {
        let name = quotedIdentifier(table.name)
        if table.columns.contains("chunk_id") {
            return ("chunks JOIN \(name) ON \(name).chunk_id = chunks.id", "chunks.document_id = $2")
        }
        if table.name == "staged_chunks" {
            let from = "document_versions AS version JOIN \(name) ON \(name).version_id = version.id"
            return (from, "version.document_id = $2")
        }
        if table.columns.contains("document_id") { return (name, "\(name).document_id = $2") }
        return table.columns.contains("uri") ? (name, "\(name).tenant_id = $1 AND \(name).uri = $4") : nil
    }

    /// Labels are often the paths that were ingested. That of a batch with this document alone goes; another's where it names it.
    private static func label(_ values: [PGValue]) -> ErasureTarget {
        var target = ErasureTarget(
            table: "batches",
            action: .clearLabel,
            way: .byIndex,
            from: "batch_documents AS asked JOIN batches ON batches.id = asked.batch_id",
            condition: """
                asked.document_id = $2 AND batches.label <> '' AND (
                    strpos(batches.label, regexp_replace($4, '^.*/', '')) > 0 OR NOT EXISTS (
                        SELECT FROM batch_documents AS other
                        WHERE other.batch_id = batches.id AND other.document_id <> asked.document_id
                    )
                )
                """,
            values: values
        )
        target.isSought = false
        return target
    }
}
