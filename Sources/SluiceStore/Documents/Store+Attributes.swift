package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// What is said of a document, as it is stored.
package struct StoredAttributes: Sendable, Equatable {
    /// A JSON object.
    package let metadata: String
    package let tags: [String]
    /// Nil: everyone of the tenant may find it.
    package let principals: [String]?

    package init(metadata: String, tags: [String], principals: [String]?) {
        self.metadata = metadata
        self.tags = tags
        self.principals = principals
    }
}

extension Store {
    /// Nil when there is no such document.
    package func attributes(of document: DocumentID, tenant: TenantID) async throws -> StoredAttributes? {
        try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(Self.storedAttributes(document)).first
        }
    }

    /// Changes what is said of a document from now on; nil parts stay as they are. Nothing is read or embedded anew.
    ///
    /// - Returns: whether there is such a document.
    /// - Throws: `DocumentAttributes.Invalid`.
    package func setAttributes(
        _ attributes: DocumentAttributes,
        of document: DocumentID,
        tenant: TenantID
    ) async throws -> Bool {
        try attributes.check()
        return try await inTenant(tenant) { transaction in
            try await transaction.execute(Self.setAttributes(attributes, document)) > 0
        }
    }

    private static func storedAttributes(_ document: DocumentID) -> Statement<StoredAttributes> {
        Statement(
            """
            SELECT metadata::text, tags, coalesce(principals, '{}'), principals IS NULL FROM documents WHERE id = $1
            """,
            [.int8(document.rawValue)]
        ) { row throws(PostgresError) in
            StoredAttributes(
                metadata: try row.text(0),
                tags: try row.textArray(1),
                principals: try row.bool(3) ? nil : try row.textArray(2)
            )
        }
    }

    private static func setAttributes(
        _ attributes: DocumentAttributes,
        _ document: DocumentID
    ) -> Statement<Void> {
        Statement(
            """
            UPDATE documents SET metadata = coalesce($2::jsonb, metadata), tags = coalesce($3::text[], tags),
                principals = CASE WHEN $4 THEN $5::text[] ELSE principals END, updated_at = now()
            WHERE id = $1
            """,
            [
                .int8(document.rawValue), attributes.metadata.map { .jsonb(JSONValue.object($0).text) } ?? .null,
                attributes.tags.map { .textArray($0) } ?? .null, .bool(attributes.principals != nil),
                attributes.isForEveryone ? .null : attributes.principals.map { .textArray($0) } ?? .null,
            ]
        )
    }
}
