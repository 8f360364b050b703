package import SluiceCore

/// What erasing needs of the store. Every call is bounded, may be repeated, and is fenced by the task that makes it.
///
/// From the request on nothing new is stored for the subject: enqueueing and going live refuse it. So removing in any order and
/// any number of passes comes to an end, whatever is killed in between.
package protocol ErasureStore: Sendable {
    /// Nil when it is complete, or was never asked for.
    func erasure(_ id: ErasureID) async throws -> Erasure?
    /// Ends tasks of the subject that wait and tells those that run to stop.
    func stopTasks(of erasure: Erasure) async throws
    /// What there is to wait for before anything can be called erased; nil: nothing.
    func wait(for erasure: Erasure) async throws -> ErasureWait?
    /// Tables in the order in which they are to be emptied: what refers to others first.
    func steps(of erasure: Erasure) async throws -> [ErasureStep]
    /// Removes one batch, and counts it on the receipt in the same transaction.
    ///
    /// - Parameters:
    ///   - position: 0, or what the batch before said.
    ///   - names: how the source of a document may stand in texts.
    func remove(
        _ step: ErasureStep,
        from position: Int64,
        of erasure: Erasure,
        names: [String],
        fence: Fence
    ) async throws -> ErasureBatch
    /// Notes that all steps were gone through.
    func notePass(of erasure: Erasure, fence: Fence) async throws
    /// Lets the server's catalogue forget it too: partial indexes of a large tenant hold its name, and the planner's statistics
    /// samples of texts. Statistics of a table that is being vacuumed or indexed stay until they are next made.
    func clearCatalogue(of erasure: Erasure) async throws
    /// Tables that still hold something of the subject, found by reading all of them.
    func remains(of erasure: Erasure, names: [String]) async throws -> [String]
    /// Removes the subject's own row, takes its name off the receipt and completes the task: one transaction.
    func complete(_ erasure: Erasure, fence: Fence) async throws
}
