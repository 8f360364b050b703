package import SluiceCore

/// The gates that an index version passes before it may answer.
package protocol IndexGates: Sendable {
    /// Measures a version whose HNSW index is built, stores every number, and judges.
    ///
    /// May take minutes; safe to call again after a crash: every call is a run of its own. Throws when it could not
    /// measure at all, which says nothing of the version: `GatesUnfit` when another process may be able to.
    func judge(_ version: IndexVersionID) async throws -> GateVerdict
}

/// This process lacks what the gates of a version need: a model, or the library that runs it.
package struct GatesUnfit: Error, Sendable {
    package let reason: TaskFailure

    package init(_ reason: TaskFailure) { self.reason = reason }
}
