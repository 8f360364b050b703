package import SluiceCore
package import SluiceSystem

/// A document and its versions, as they were when it was read.
package struct DocumentSnapshot: Sendable {
    package let id: DocumentID
    package let tenant: TenantID
    package let index: IndexSnapshot
    package let uri: String
    package let liveVersion: DocumentVersionID?
    package let liveContentHash: SHA256Digest?
    package let liveFingerprint: String?
    /// The version under way, unless one of its windows is dead.
    package let pending: PendingVersion?
    /// The number of the newest request to ingest it.
    package let request: Int64
    /// Whether a rebuild with another chunker waits for the text of the live version, which was not kept.
    package let isTextWanted: Bool

    package init(
        id: DocumentID,
        tenant: TenantID,
        index: IndexSnapshot,
        uri: String,
        request: Int64,
        liveVersion: DocumentVersionID?,
        liveContentHash: SHA256Digest?,
        liveFingerprint: String?,
        pending: PendingVersion?,
        isTextWanted: Bool
    ) {
        self.id = id
        self.tenant = tenant
        self.index = index
        self.uri = uri
        self.request = request
        self.liveVersion = liveVersion
        self.liveContentHash = liveContentHash
        self.liveFingerprint = liveFingerprint
        self.pending = pending
        self.isTextWanted = isTextWanted
    }
}

/// A version whose chunks are being embedded.
package struct PendingVersion: Sendable, Equatable {
    package let id: DocumentVersionID
    package let contentHash: SHA256Digest
    package let fingerprint: String

    package init(id: DocumentVersionID, contentHash: SHA256Digest, fingerprint: String) {
        self.id = id
        self.contentHash = contentHash
        self.fingerprint = fingerprint
    }
}
