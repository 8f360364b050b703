package import SluiceCore

/// What became of one step.
package struct CompactionReport: Sendable, Equatable {
    package let bytesBefore: Int64
    package let bytesAfter: Int64
    package let seconds: Double

    package init(bytesBefore: Int64, bytesAfter: Int64, seconds: Double) {
        self.bytesBefore = bytesBefore
        self.bytesAfter = bytesAfter
        self.seconds = seconds
    }
}

package protocol CompactionStore: Sendable {
    /// The store's time, seconds since 1970-01-01 UTC.
    func time() async throws -> Int64
    /// True while an index of ours is being built: two builds at once would share the memory of one.
    func isBuilding() async throws -> Bool
    /// Drops what builds that were cut off have left behind. Returns the names.
    func dropLeftovers(fence: Fence) async throws -> [String]
    /// Tables of chunks and of versions that are live or soaking.
    func relations() async throws -> [RelationFacts]
    /// Does it, beside readers and writers, and keeps an event with the sizes before and after.
    func perform(_ step: CompactionStep, fence: Fence) async throws -> CompactionReport
}
