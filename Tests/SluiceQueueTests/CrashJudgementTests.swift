import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Who is to blame for a crash")
struct CrashJudgementTests {
    @Test("innocents in company keep their attempts, however often they are unlucky", arguments: 2...5)
    func innocents(company: Int) {
        // As claimed: the attempt is counted.
        var record = CrashJudgement.Record(attempt: 1, maxAttempts: 1)
        for round in 1...20 {
            #expect(CrashJudgement.lost(&record, company: company) == .suspect)
            #expect(record.attempt == 0 && record.isSuspect && record.crashCount == round)
            record.attempt += 1
            CrashJudgement.survived(&record)
            #expect(!record.isSuspect && record.soloCrashes == 0)
        }
    }

    @Test("a killer is guilty after it has ended its process twice alone, whatever attempts it has")
    func killer() {
        var record = CrashJudgement.Record(attempt: 1, maxAttempts: 100)
        #expect(CrashJudgement.lost(&record, company: 8) == .suspect)
        record.attempt += 1
        #expect(CrashJudgement.lost(&record, company: 1) == .suspect)
        record.attempt += 1
        #expect(CrashJudgement.lost(&record, company: 1) == .quarantined)
        #expect(record.soloCrashes == 2 && record.crashCount == 3)
    }

    @Test("alone from the start the attempt counts, and the last one is dead")
    func alone() {
        var record = CrashJudgement.Record(attempt: 1, maxAttempts: 2)
        #expect(CrashJudgement.lost(&record, company: 1) == .suspect)
        #expect(record.attempt == 1)
        record.attempt += 1
        #expect(CrashJudgement.lost(&record, company: 1) == .quarantined, "the last attempt, alone")
        var single = CrashJudgement.Record(attempt: 1, maxAttempts: 1)
        #expect(CrashJudgement.lost(&single, company: 1) == .dead, "once is no proof")
    }

    @Test("a fleet of a killer and innocents: only the killer ends in quarantine, and soon", arguments: 0..<50)
    func fleet(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 2...30, using: &generator)
        let killer = Int.random(in: 0..<count, using: &generator)
        var records = [CrashJudgement.Record](
            repeating: .init(attempt: 0, maxAttempts: Int.random(in: 1...5, using: &generator)),
            count: count
        )
        var live = Set(0..<count)
        var crashes = 0
        while !live.isEmpty {
            let suspects = live.filter { records[$0].isSuspect }
            let taken: Set<Int>
            if let suspect = suspects.randomElement(using: &generator) {
                taken = [suspect]
            } else {
                taken = Set(live.shuffled(using: &generator).prefix(Int.random(in: 1...8, using: &generator)))
            }
            for task in taken { records[task].attempt += 1 }
            guard taken.contains(killer) else {
                live.subtract(taken)
                continue
            }
            crashes += 1
            for task in taken {
                let sentence = CrashJudgement.lost(&records[task], company: taken.count)
                if task != killer { #expect(sentence == .suspect && records[task].attempt == 0) }
                if sentence == .quarantined || sentence == .dead { live.remove(task) }
            }
        }
        #expect(crashes <= 3)
    }
}

@Suite("The gate before suspects")
struct IsolationGateTests {
    @Test(
        "random orders of claims and closings: a suspect never runs beside a claim, and the gate always empties",
        arguments: 0..<100
    )
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var gate = IsolationGate()
        var claims = 0
        for _ in 0..<500 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let entered = gate.enter()
                #expect(entered == !gate.isClosed)
                if entered { claims += 1 }
            case 1 where claims > 0:
                claims -= 1
                let isLast = gate.leave()
                #expect(isLast == (gate.isClosed && claims == 0))
            case 2: gate.close()
            case 3 where Bool.random(using: &generator): gate.open()
            default: break
            }
            for holdsNothing in [true, false] {
                #expect(
                    gate.mayRunSuspect(holdsNothing: holdsNothing) == (gate.isClosed && claims == 0 && holdsNothing)
                )
            }
        }
    }
}
