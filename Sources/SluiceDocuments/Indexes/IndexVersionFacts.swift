/// What must be known of an index version to decide. Nil is unknown, and never good enough.
package struct IndexVersionFacts: Sendable, Equatable {
    /// Whether the gates' newest run lets it through.
    package enum Evidence: String, Sendable, CaseIterable {
        /// A GO about the version as it is now.
        case fresh
        /// A GO about the version as it once was.
        case stale
        /// No run, or one that was no GO.
        case none
    }

    /// Chunks without a vector, and vectors without their chunk.
    package var missing: Int?
    package var surplus: Int?
    /// Tasks that still have vectors to bring, dead ones too.
    package var pending: Int?
    package var hnswIsValid: Bool?
    package var evidence: Evidence
    /// Whether the registry is as whoever decides has seen it: the same epoch, the same live version.
    package var isExpected: Bool?
    package var soakIsOver: Bool?
    /// An operator does not want to wait for the soak.
    package var isForced: Bool

    package init(
        missing: Int? = nil,
        surplus: Int? = nil,
        pending: Int? = nil,
        hnswIsValid: Bool? = nil,
        evidence: Evidence = .none,
        isExpected: Bool? = nil,
        soakIsOver: Bool? = nil,
        isForced: Bool = false
    ) {
        self.missing = missing
        self.surplus = surplus
        self.pending = pending
        self.hnswIsValid = hnswIsValid
        self.evidence = evidence
        self.isExpected = isExpected
        self.soakIsOver = soakIsOver
        self.isForced = isForced
    }

    /// Why it must not be taken for whole.
    var incomplete: IndexRefusal? {
        guard let missing, let surplus, let pending else { return .unknown }
        return missing == 0 && surplus == 0 && pending == 0
            ? nil : .incomplete(missing: missing, surplus: surplus, pending: pending)
    }
}

/// Why something does not happen to an index version.
package enum IndexRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// It makes no sense in this state.
    case unexpected(IndexVersionState, IndexLifecycleEvent)
    case incomplete(missing: Int, surplus: Int, pending: Int)
    /// Nobody has counted.
    case unknown
    case hnswInvalid
    case evidence(IndexVersionFacts.Evidence)
    /// Somebody else swapped meanwhile.
    case moved
    case soaking

    /// Short and stable, as in `TaskFailure.errorClass`.
    package var errorClass: String {
        switch self {
        case .unexpected: "index.unexpected"
        case .incomplete, .unknown: "index.incomplete"
        case .hnswInvalid: "index.invalid"
        case .evidence: "index.unproven"
        case .moved: "index.moved"
        case .soaking: "index.soaking"
        }
    }

    package var description: String {
        switch self {
        case .unexpected(let state, let event):
            "a version that is \(state.rawValue) cannot be \(event.name)"
        case .incomplete(let missing, let surplus, let pending):
            "\(missing) chunks have no vector in it, \(surplus) vectors have no chunk, and \(pending) tasks are still to bring "
                + "vectors; wait for them, or look for dead ones with 'workerctl dlq ls --kind index.embed'"
        case .unknown: "nobody has counted whether it is whole"
        case .hnswInvalid: "its HNSW index is not there or not valid; 'workerctl indexes rebuild' builds it anew"
        case .evidence(.stale): "what its gates measured is stale by now; let them measure again"
        case .evidence: "its gates have not said GO"
        case .moved: "another swap came first; look at 'workerctl indexes show' and decide anew"
        case .soaking: "its soak is not over; --now retires it all the same"
        }
    }
}
