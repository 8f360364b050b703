package import SluiceCore

/// The gates that an index version passes before it may answer.
package protocol IndexGates: Sendable {
    /// Measures a version whose HNSW index is built, stores every number, and judges.
    ///
    /// May take minutes; safe to call again after a crash: every call is a run of its own. Throws when it could not
    /// measure at all, which says nothing of the version.
    func judge(_ version: IndexVersionID) async throws -> GateVerdict
}
