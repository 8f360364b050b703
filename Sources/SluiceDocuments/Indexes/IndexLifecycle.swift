/// What may happen to an index version, and what follows: pure, so that every case can be tested.
///
/// Whoever acts on it reads the facts and writes the new state in one transaction, by an UPDATE that expects the old state.
package enum IndexLifecycle {
    /// The new state and what has to be done with it, in the same transaction; or why not.
    package static func next(
        _ state: IndexVersionState,
        _ event: IndexLifecycleEvent,
        _ facts: IndexVersionFacts = IndexVersionFacts()
    ) -> Result<IndexTransition, IndexRefusal> {
        switch (state, event) {
        case (.planned, .began): return move(.building, .makeTable, .drive)
        case (.building, .loaded):
            if let refusal = facts.incomplete { return .failure(refusal) }
            return move(.indexing, .drive)
        case (.indexing, .indexed):
            guard facts.hnswIsValid == true else { return .failure(.hnswInvalid) }
            return move(.validating, .drive)
        case (.validating, .judged(let verdict)):
            if verdict.passes { return move(.ready, .drive) }
            return move(.failed, .dropLater)
        case (.indexing, .drifted), (.validating, .drifted), (.ready, .drifted): return move(.building, .drive)
        case (.ready, .doubted): return move(.validating, .drive)
        case (.ready, .swappedIn):
            guard facts.evidence == .fresh else { return .failure(.evidence(facts.evidence)) }
            return answer(facts)
        case (.soaking, .swappedIn): return answer(facts)
        case (.live, .swappedOut): return move(.soaking, .soak)
        case (.soaking, .retired):
            guard facts.soakIsOver == true || facts.isForced else { return .failure(.soaking) }
            return move(.retired, .drop)
        case (_, .failed) where state.isCandidate: return move(.failed, .dropLater)
        case (_, .aborted) where state.isCandidate: return move(.aborted, .drop)
        default: return .failure(.unexpected(state, event))
        }
    }

    /// The common end of a swap and of a rollback.
    private static func answer(_ facts: IndexVersionFacts) -> Result<IndexTransition, IndexRefusal> {
        if let refusal = facts.incomplete { return .failure(refusal) }
        guard facts.hnswIsValid == true else { return .failure(.hnswInvalid) }
        guard facts.isExpected == true else { return .failure(.moved) }
        return move(.live, .point)
    }

    private static func move(
        _ state: IndexVersionState,
        _ effects: IndexEffect...
    ) -> Result<IndexTransition, IndexRefusal> {
        .success(IndexTransition(state: state, effects: effects))
    }
}

package struct IndexTransition: Sendable, Equatable {
    package let state: IndexVersionState
    package let effects: [IndexEffect]
}

/// What belongs into the transaction of a transition.
package enum IndexEffect: Sendable, Equatable, CaseIterable {
    /// Its table is made: from this commit on every ingest writes to it.
    case makeTable
    /// A task takes the next step.
    case drive
    /// The registry names it, and its model for questions, under a new epoch.
    case point
    /// Its soak begins; a task retires it afterwards.
    case soak
    /// A task drops its table.
    case drop
    /// The same, but a soak later: somebody may want to look at it.
    case dropLater
}

package enum IndexLifecycleEvent: Sendable, Equatable {
    case began
    /// Every chunk has its vector.
    case loaded
    /// The HNSW index is built.
    case indexed
    case judged(GateVerdict)
    /// The evidence of its gates is stale.
    case doubted
    /// Chunks turned out to be without vectors.
    case drifted
    /// It is to answer: by a swap, or by a rollback.
    case swappedIn
    /// Another version answers from now on.
    case swappedOut
    case failed
    case aborted
    case retired

    /// As events are stored and shown.
    package var name: String {
        switch self {
        case .began: "began"
        case .loaded: "loaded"
        case .indexed: "indexed"
        case .judged(let verdict): "judged " + verdict.rawValue
        case .doubted: "doubted"
        case .drifted: "drifted"
        case .swappedIn: "swapped in"
        case .swappedOut: "swapped out"
        case .failed: "failed"
        case .aborted: "aborted"
        case .retired: "retired"
        }
    }
}
