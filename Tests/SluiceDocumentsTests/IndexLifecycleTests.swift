import SluiceDocuments
import SluiceTestKit
import Testing

@Suite("The life of an index version")
struct IndexLifecycleTests {
    private static let events: [IndexLifecycleEvent] =
        [.began, .loaded, .indexed, .doubted, .drifted, .swappedIn, .swappedOut, .failed, .aborted, .retired]
        + GateVerdict.allCases.map { .judged($0) }

    /// Facts with which nothing is in the way.
    private static let fine = IndexVersionFacts(
        missing: 0,
        surplus: 0,
        pending: 0,
        hnswIsValid: true,
        evidence: .fresh,
        isExpected: true,
        soakIsOver: true
    )

    private static let candidates: [IndexVersionState] = [.planned, .building, .indexing, .validating, .ready]

    /// Written down on its own, not taken from the code under test.
    private static func expected(_ state: IndexVersionState, _ event: IndexLifecycleEvent) -> IndexVersionState? {
        let table: [(IndexVersionState, IndexLifecycleEvent, IndexVersionState)] =
            [
                (.planned, .began, .building), (.building, .loaded, .indexing), (.indexing, .indexed, .validating),
                (.validating, .judged(.go), .ready), (.validating, .judged(.noGo), .failed),
                (.validating, .judged(.inconclusive), .failed), (.indexing, .drifted, .building),
                (.validating, .drifted, .building), (.ready, .drifted, .building), (.ready, .doubted, .validating),
                (.ready, .swappedIn, .live), (.soaking, .swappedIn, .live), (.live, .swappedOut, .soaking),
                (.soaking, .retired, .retired),
            ] + candidates.flatMap { [($0, .failed, .failed), ($0, .aborted, .aborted)] }
        return table.first { $0.0 == state && $0.1 == event }?.2
    }

    @Test("every state and event, with nothing in the way", arguments: IndexVersionState.allCases)
    func table(state: IndexVersionState) {
        for event in Self.events {
            let result = IndexLifecycle.next(state, event, Self.fine)
            #expect((try? result.get())?.state == Self.expected(state, event), "\(state) \(event)")
            if Self.expected(state, event) == nil {
                #expect(result == .failure(.unexpected(state, event)))
            }
        }
    }

    @Test("what is unknown or wrong keeps a version from going on")
    func refusals() {
        func refusal(
            _ state: IndexVersionState,
            _ event: IndexLifecycleEvent,
            _ change: (inout IndexVersionFacts) -> Void
        ) -> IndexRefusal? {
            var facts = Self.fine
            change(&facts)
            guard case .failure(let refusal) = IndexLifecycle.next(state, event, facts) else { return nil }
            return refusal
        }
        let steps: [(IndexVersionState, IndexLifecycleEvent)] = [
            (.building, .loaded), (.ready, .swappedIn), (.soaking, .swappedIn),
        ]
        for (state, event) in steps {
            #expect(refusal(state, event) { $0.missing = 3 } == .incomplete(missing: 3, surplus: 0, pending: 0))
            #expect(refusal(state, event) { $0.surplus = 2 } == .incomplete(missing: 0, surplus: 2, pending: 0))
            #expect(refusal(state, event) { $0.pending = 1 } == .incomplete(missing: 0, surplus: 0, pending: 1))
            #expect(refusal(state, event) { $0.missing = nil } == .unknown)
            #expect(refusal(state, event) { $0.surplus = nil } == .unknown)
            #expect(refusal(state, event) { $0.pending = nil } == .unknown)
        }
        for (state, event) in [(IndexVersionState.indexing, IndexLifecycleEvent.indexed)] + steps.dropFirst() {
            #expect(refusal(state, event) { $0.hnswIsValid = nil } == .hnswInvalid)
            #expect(refusal(state, event) { $0.hnswIsValid = false } == .hnswInvalid)
        }
        for evidence in [IndexVersionFacts.Evidence.stale, .none] {
            #expect(refusal(.ready, .swappedIn) { $0.evidence = evidence } == .evidence(evidence))
            // It has answered before: a rollback does not wait for anybody's measurements.
            #expect(refusal(.soaking, .swappedIn) { $0.evidence = evidence } == nil)
        }
        for state in [IndexVersionState.ready, .soaking] {
            #expect(refusal(state, .swappedIn) { $0.isExpected = nil } == .moved)
            #expect(refusal(state, .swappedIn) { $0.isExpected = false } == .moved)
        }
        #expect(refusal(.soaking, .retired) { $0.soakIsOver = nil } == .soaking)
        #expect(refusal(.soaking, .retired) { $0.soakIsOver = false } == .soaking)
        let forced = refusal(.soaking, .retired) {
            $0.soakIsOver = false
            $0.isForced = true
        }
        #expect(forced == nil)
    }

    @Test("effects: what answers is pointed to, what stops soaks, what ends is dropped, what goes on is driven")
    func effects() throws {
        for state in IndexVersionState.allCases {
            for event in Self.events {
                guard let step = try? IndexLifecycle.next(state, event, Self.fine).get() else { continue }
                #expect(step.effects.contains(.point) == (step.state == .live))
                #expect(step.effects.contains(.soak) == (step.state == .soaking))
                #expect(step.effects.contains(.makeTable) == (state == .planned && step.state == .building))
                let drops = step.effects.contains(.drop) || step.effects.contains(.dropLater)
                #expect(drops == step.state.isFinal)
                #expect(step.effects.contains(.drive) == step.state.isCandidate)
            }
        }
    }

    /// An index with its versions, under random events.
    private struct Model {
        var states: [IndexVersionState] = [.live]
        var live = 0
        var everReady: Set<Int> = [0]

        mutating func apply(_ version: Int, _ event: IndexLifecycleEvent, _ facts: IndexVersionFacts) {
            guard let step = try? IndexLifecycle.next(states[version], event, facts).get() else { return }
            // Swapping out has no sense of its own: it goes with swapping in.
            if event == .swappedOut { return }
            if event == .swappedIn {
                guard let out = try? IndexLifecycle.next(states[live], .swappedOut).get() else { return }
                states[live] = out.state
                live = version
            }
            states[version] = step.state
            if step.state == .ready { everReady.insert(version) }
        }
    }

    @Test(
        "random histories: one version answers, at most one is on its way, nothing unproven answers",
        arguments: 0..<300 as Range<UInt64>
    )
    func histories(seed: UInt64) {
        var random = SluiceTestKit.SeededGenerator(seed: seed)
        var model = Model()
        for _ in 0..<150 {
            if !model.states.contains(where: \.isCandidate), Bool.random(using: &random) {
                model.states.append(.planned)
            }
            let version = Int.random(in: 0..<model.states.count, using: &random)
            let before = model.states
            var facts = Self.fine
            facts.missing = [0, 0, 0, 2, nil].randomElement(using: &random) ?? 0
            facts.hnswIsValid = [true, true, true, false, nil].randomElement(using: &random) ?? true
            facts.evidence = IndexVersionFacts.Evidence.allCases.randomElement(using: &random) ?? .none
            facts.isExpected = Int.random(in: 0..<4, using: &random) > 0
            facts.soakIsOver = Bool.random(using: &random)
            model.apply(version, Self.events.randomElement(using: &random) ?? .began, facts)
            #expect(model.states.count { $0 == .live } == 1 && model.states[model.live] == .live)
            #expect(model.states.count(where: \.isCandidate) <= 1)
            #expect(model.everReady.contains(model.live))
            for (old, new) in zip(before, model.states) where old.isFinal { #expect(new == old) }
        }
    }
}
