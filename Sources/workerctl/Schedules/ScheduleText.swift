internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

/// When a schedule fires next, in its own zone and in UTC.
struct NextFires {
    struct Fire: Encodable {
        let local: String
        let utc: String
    }

    let fires: [Fire]

    init(_ times: FireTimes, after time: UnixTime, count: Int) {
        var fires: [Fire] = []
        var last = time
        while fires.count < count, let next = times.next(after: last) {
            fires.append(Fire(local: next.text(in: times.zone), utc: "\(next)"))
            last = next
        }
        self.fires = fires
    }

    var text: String {
        if fires.isEmpty { return "  it never fires\n" }
        return fires.enumerated().map { index, fire in
            (index == 0 ? "  next fires  " : "              ") + "\(fire.local)  \(fire.utc)\n"
        }.joined()
    }
}

struct ScheduleRow: Encodable {
    let id: String
    let tenant: String
    let name: String
    let state: String
    let rule: String
    let timeZone: String
    let queue: String
    let kind: String
    let payload: String
    @Explicit var fireTimeKey: String?
    let priority: Int
    let maxAttempts: Int
    let timeoutSeconds: Int
    let catchUp: String
    let catchUpLimit: Int
    let overlap: String
    @Explicit var pausedAt: String?
    @Explicit var pauseReason: String?
    @Explicit var nextFireAt: String?
    @Explicit var waitingFireAt: String?
    @Explicit var lastFireAt: String?
    @Explicit var problem: String?
    let createdAt: String

    init(_ record: ScheduleRecord) {
        id = "\(record.id)"
        tenant = record.tenant.rawValue
        name = record.name.rawValue
        state = Self.word(for: record)
        rule = record.rule
        timeZone = record.timeZone
        queue = record.queue.rawValue
        kind = record.kind.rawValue
        payload = record.payload
        _fireTimeKey = Explicit(wrappedValue: record.fireTimeKey)
        priority = record.priority
        maxAttempts = record.maxAttempts
        timeoutSeconds = record.timeoutSeconds
        catchUp = record.catchUp.rawValue
        catchUpLimit = record.catchUpLimit
        overlap = record.overlap.rawValue
        _pausedAt = Explicit(wrappedValue: Timestamp.text(record.pausedAt))
        _pauseReason = Explicit(wrappedValue: record.pauseReason)
        // What stands there during a pause is no promise: resuming computes it anew.
        _nextFireAt = Explicit(wrappedValue: record.pausedAt == nil ? Timestamp.text(record.nextFireAt) : nil)
        _waitingFireAt = Explicit(wrappedValue: Timestamp.text(record.waitingFireAt))
        _lastFireAt = Explicit(wrappedValue: Timestamp.text(record.lastFireAt))
        _problem = Explicit(wrappedValue: record.problem)
        createdAt = Timestamp.text(record.createdAt)
    }

    private static func word(for record: ScheduleRecord) -> String {
        record.pausedAt != nil ? "paused" : record.problem != nil ? "broken" : "active"
    }

    /// For people: the state with its reason.
    static func state(of record: ScheduleRecord) -> String {
        let detail = record.pausedAt != nil ? record.pauseReason : record.problem
        return word(for: record) + (detail.map { ": \($0)" } ?? "")
    }

    static func text(of record: ScheduleRecord) -> String {
        var text = "schedule \(record.name)  \(record.rule) in \(record.timeZone)\n"
        text += "  state       \(Table.printable(state(of: record)))\n"
        text += "  tenant      \(record.tenant)\n"
        text += "  task        \(record.kind) in \(record.queue), priority \(record.priority), "
        text += "\(record.maxAttempts) attempts of \(Format.seconds(Double(record.timeoutSeconds)))\n"
        text += "  payload     \(Table.printable(record.payload))"
        text += (record.fireTimeKey.map { ", fire time as '\($0)'" } ?? "") + "\n"
        text += "  catch-up    \(record.catchUp.rawValue)"
        text += (record.catchUp == .all ? ", at most \(record.catchUpLimit)" : "") + "\n"
        text += "  overlap     \(record.overlap.rawValue)\n"
        text += "  created     \(Timestamp.text(record.createdAt))\n"
        if let last = record.lastFireAt { text += "  last fire   \(Timestamp.text(last))\n" }
        if let waiting = record.waitingFireAt {
            text += "  waiting     the fire of \(Timestamp.text(waiting)), for an earlier task\n"
        }
        return text
    }
}

struct FireRow: Encodable {
    let fireTime: String
    let how: String
    @Explicit var task: String?
    @Explicit var reason: String?
    let doneAt: String

    init(_ record: FireRecord) {
        fireTime = Timestamp.text(record.fireTime)
        how = record.how.rawValue
        _task = Explicit(wrappedValue: record.task.map { "\($0)" })
        _reason = Explicit(wrappedValue: record.reason)
        doneAt = Timestamp.text(record.firedAt)
    }
}
