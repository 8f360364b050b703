package import SluiceCore

/// What a connection has still to send, and who waits for which replies, in order. A pure value.
///
/// Replies carry no names: the n-th reply belongs to the n-th command. So a caller that gave up stays in line, and its
/// replies are read and dropped.
package struct Flight<Ticket> {
    private struct Waiting {
        let ticket: Ticket
        var missing: Int
        var replies: [RedisValue] = []
        let deadline: Instant
        let patience: Duration
        var isOverdue = false
    }

    private var waiting = FIFO<Waiting>()
    private var unsent = FIFO<[UInt8]>()
    /// Bytes of the first unsent chunk that are gone already.
    private var sentOfFirst = 0
    /// When the server last moved a byte, or the line was last empty.
    private var lastProgress: Instant?
    /// Small commands travel together up to this size; larger ones are sent from where they lie, uncopied.
    private static var coalescedBytes: Int { 64 * 1_024 }

    package init() {}

    package var isEmpty: Bool { waiting.isEmpty }
    package var hasUnsent: Bool { !unsent.isEmpty }

    /// - Parameters:
    ///   - replyCount: how many replies `bytes` will bring, at least 1.
    ///   - deadline: when this caller is told that its time is up.
    ///   - patience: how long the server may be silent, while this caller is first in line, before it counts as gone.
    package mutating func add(
        _ bytes: [UInt8],
        replyCount: Int,
        deadline: Instant,
        patience: Duration,
        ticket: Ticket,
        now: Instant
    ) {
        if waiting.isEmpty { lastProgress = now }
        var entry = Waiting(ticket: ticket, missing: replyCount, deadline: deadline, patience: patience)
        entry.replies.reserveCapacity(replyCount)
        waiting.append(entry)
        if let last = unsent.last, last.count + bytes.count <= Self.coalescedBytes {
            unsent.withLast { $0.append(contentsOf: bytes) }
        } else {
            unsent.append(bytes)
        }
    }

    /// What to send next; nil when all is sent.
    package var nextBytes: ArraySlice<UInt8>? { unsent.first.map { $0[sentOfFirst...] } }

    package mutating func didSend(_ count: Int, now: Instant) {
        guard count > 0, let first = unsent.first else { return }
        lastProgress = now
        sentOfFirst += count
        if sentOfFirst >= first.count {
            unsent.removeFirst()
            sentOfFirst = 0
        }
    }

    package mutating func didReceive(now: Instant) { lastProgress = now }

    /// Takes the next reply, and gives the caller whose replies it completes.
    package mutating func take(_ reply: RedisValue) -> Taken {
        guard !waiting.isEmpty else { return .unsolicited }
        waiting.withFirst {
            $0.missing -= 1
            if !$0.isOverdue { $0.replies.append(reply) }
        }
        guard let first = waiting.first, first.missing == 0 else { return .incomplete }
        waiting.removeFirst()
        return .complete(first.ticket, first.replies)
    }

    package enum Taken {
        case complete(Ticket, [RedisValue])
        case incomplete
        /// Nobody waits for it.
        case unsolicited
    }

    /// When something must be decided even if nothing arrives; nil when nobody waits.
    package var nextAlarm: Instant? {
        guard let silenceEnd else { return nil }
        return waiting.reduce(silenceEnd) { $1.isOverdue ? $0 : min($0, $1.deadline) }
    }

    /// True when the server has been silent for longer than the first in line has patience.
    package func isServerGone(at now: Instant) -> Bool { silenceEnd.map { now >= $0 } ?? false }

    /// Callers whose time is up now. They stay in line, but are given only once.
    package mutating func takeOverdue(at now: Instant) -> [Ticket] {
        var overdue: [Ticket] = []
        waiting.forEachInPlace { entry in
            guard !entry.isOverdue, now >= entry.deadline else { return }
            entry.isOverdue = true
            entry.replies = []
            overdue.append(entry.ticket)
        }
        return overdue
    }

    /// Everyone in line; the line and what was to be sent are gone afterwards.
    package mutating func takeAll() -> [Ticket] {
        let tickets = waiting.map(\.ticket)
        self = Flight()
        return tickets
    }

    private var silenceEnd: Instant? {
        guard let first = waiting.first, let lastProgress else { return nil }
        return lastProgress + first.patience
    }
}

/// A queue on an array: removing the first is amortised O(1).
private struct FIFO<Element>: Sequence {
    private var storage: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == storage.count }
    var count: Int { storage.count - head }
    var first: Element? { isEmpty ? nil : storage[head] }
    var last: Element? { isEmpty ? nil : storage[storage.count - 1] }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func removeFirst() {
        // Nil, so that what the element holds goes now and not when the array is compacted.
        storage[head] = nil
        head += 1
        guard head == storage.count || head >= 256 && head * 2 > storage.count else { return }
        storage.removeFirst(head)
        head = 0
    }

    mutating func withFirst(_ body: (inout Element) -> Void) { change(at: head, body) }
    mutating func withLast(_ body: (inout Element) -> Void) { change(at: storage.count - 1, body) }

    mutating func forEachInPlace(_ body: (inout Element) -> Void) {
        for index in head..<storage.count { change(at: index, body) }
    }

    /// Takes the element out while it changes, so that no second owner makes its arrays copy.
    private mutating func change(at index: Int, _ body: (inout Element) -> Void) {
        guard storage.indices.contains(index), var element = storage[index] else { return }
        storage[index] = nil
        body(&element)
        storage[index] = element
    }

    func makeIterator() -> some IteratorProtocol<Element> { storage[head...].lazy.compactMap(\.self).makeIterator() }
}
