/// What a pool has done since it was made; for metrics.
package struct ExtractorStatistics: Hashable, Sendable {
    /// Documents that ended with an outcome.
    package var documents = 0
    /// Documents that are being read now.
    package var documentsInProgress = 0
    package var childrenStarted = 0
    /// Children that were killed because a document took too long.
    package var childrenTimedOut = 0
    /// Children that ended on their own or broke the wire format in the middle of a document.
    package var childrenCrashed = 0
    /// Healthy children that were replaced: by age, by growth, or because they had seen passwords.
    package var childrenReplaced = 0
}
