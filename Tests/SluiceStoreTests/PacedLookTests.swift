import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceTestKit
import Testing

@testable import SluiceStore

@Suite("Dear looks are rare")
struct PacedLookTests {
    @Test("due at first, then after what it cost in proportion, and never sooner than was said before")
    func pace() {
        let look = PacedLook(share: 20)
        #expect(look.isDue)
        look.looked(in: .zero)
        #expect(look.isDue, "one that costs nothing is always due")
        look.looked(in: .seconds(100))
        #expect(!look.isDue)
        look.looked(in: .zero)
        #expect(!look.isDue, "a cheap one of somebody else does not make the dear one due")
        #expect(
            !{ () -> Bool in
                let slow = PacedLook(atLeast: .seconds(60), share: 20)
                slow.looked(in: .zero)
                return slow.isDue
            }()
        )
    }

    @Test(
        "between whole looks, lost claims and workers that just went are found; strays and deadlines wait",
        .enabled(if: TestServers.arePresent)
    )
    func partly() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let (alive, dies) = (
                try await ControlFixture.worker(tasks, lease: .seconds(600)),
                try await ControlFixture.worker(tasks, lease: .seconds(600))
            )
            _ = try await tasks.enqueue((0..<6).map { _ in ControlFixture.task() })
            let held = try await tasks.claimNext(queue: .ingestion, limit: 4, worker: alive)
            let theirs = try await tasks.claimNext(queue: .ingestion, limit: 2, worker: dies)
            try #require(held.count == 4 && theirs.count == 2)

            _ = try await tasks.settle([Settlement(held[0].fence, .completed)], worker: alive)
            // One has ended, one is unnamed, one is another's, one has an old token.
            let old = Fence(task: held[2].id, token: LeaseToken(rawValue: held[2].fence.token.rawValue - 1_000))
            let named = [held[0].fence, old, theirs[0].fence, held[3].fence]
            let whole = try await store.pool.query(WorkerStatements.differing(named, from: alive))
            let lost = try await store.pool.query(WorkerStatements.lost(named, from: alive))
            #expect(Set(lost.map(\.fence)) == Set([held[0].fence, old, theirs[0].fence]))
            #expect(Set(whole.filter(\.isLost).map(\.fence)) == Set(lost.map(\.fence)))
            #expect(Set(whole.filter { !$0.isLost }.map(\.fence)) == Set([held[1].fence, held[2].fence]))

            let term = try #require(try await tasks.lead(as: .random(), for: .seconds(15)))
            try await store.pool.execute(
                Statement(
                    "UPDATE tasks SET deadline_at = now() - interval '1 hour' WHERE id = $1",
                    [.int8(held[1].id.rawValue)]
                )
            )
            try await ControlFixture.expire(dies, store)
            let rescue = { (isWhole: Bool) in
                try await store.pool.query(DutyStatements.rescue(limit: 10, term: term, isWhole: isWhole)).map(\.id)
            }
            #expect(Set(try await rescue(false)) == Set(theirs.map(\.id)))
            #expect(try await rescue(false).isEmpty)
            #expect(try await rescue(true) == [held[1].id])
        }
    }
}
