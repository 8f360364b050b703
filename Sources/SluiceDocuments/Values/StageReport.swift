package import SluiceCore

/// What staging a version led to.
package struct StageReport: Sendable, Equatable {
    package let version: DocumentVersionID
    /// Chunks in all; of these kept from the live version, found in the cache, and to be embedded.
    package let chunks: Int
    package let kept: Int
    package let cached: Int
    package let toEmbed: Int
    package let isLive: Bool

    package init(version: DocumentVersionID, chunks: Int, kept: Int, cached: Int, toEmbed: Int, isLive: Bool) {
        self.version = version
        self.chunks = chunks
        self.kept = kept
        self.cached = cached
        self.toEmbed = toEmbed
        self.isLive = isLive
    }
}
