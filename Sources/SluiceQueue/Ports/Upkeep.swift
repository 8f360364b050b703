/// Work that the leader sees to now and then, and that nobody waits for.
package protocol Upkeep: Sendable {
    /// Does one piece of it, if any is due, while `term` leads. Returns whether there may be more.
    func round(term: Int64) async throws -> Bool
}
