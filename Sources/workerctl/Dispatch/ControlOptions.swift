internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

/// What `pause` of anything takes.
struct PauseOptions: ParsableArguments {
    @Option(name: .long, help: "Why, for whoever finds it paused.") var reason: String?
    @Option(name: .customLong("for"), help: "Resume by itself after this: 10m, 2h.") var length: DurationArgument?

    func validate() throws {
        if let length, length.duration <= .zero { throw ValidationError("--for must be longer than nothing") }
        if let reason, reason.unicodeScalars.count > 200 {
            throw ValidationError("--reason has at most 200 characters")
        }
    }
}

/// What `limits` of anything takes.
struct LimitOptions: ParsableArguments {
    @Option(
        name: .customLong("set"),
        parsing: .upToNextOption,
        help: "concurrency=N, rate=N/s (or /m, /h), burst=N; none lifts one."
    ) var settings: [String] = []

    var change: LimitChange? { LimitChange(settings) }

    func validate() throws {
        if change == nil { throw ValidationError(LimitChange.sentence) }
    }
}

/// Changes to one scope, with what is said about them.
struct ControlEditor {
    let store: Store
    let scope: ControlScope

    func pause(_ options: PauseOptions) async throws {
        try await store.pause(scope, reason: options.reason, for: options.length?.duration)
        let end = options.length.map { " for \(Format.seconds($0.duration.inSeconds))" } ?? ""
        Terminal.say("\(scope) is paused\(end); what runs goes on")
    }

    func resume() async throws {
        guard try await store.resume(scope) else { return Terminal.say("\(scope) was not paused") }
        Terminal.say("\(scope) is resumed")
    }

    /// Applies the change, if there is one, and shows what holds then.
    func limits(_ options: LimitOptions, _ output: OutputOptions) async throws {
        switch options.change?.maxRunning ?? .keep {
        case .keep: break
        case .lift: try await store.setMaxRunning(scope, to: nil)
        case .set(let number): try await store.setMaxRunning(scope, to: number)
        }
        switch options.change?.rate ?? .keep {
        case .keep: break
        case .lift: try await store.setRate(scope, to: nil)
        case .set(let rate): try await store.setRate(scope, to: rate)
        }
        let control = try await store.controls().first { $0.scope == scope }
        if output.json { return try JSON.print(ControlRow(scope, control)) }
        let limits = ControlText(control)
        Terminal.write("\(scope)  max running \(limits.maxRunning)  rate \(limits.rate)  \(limits.state)\n")
    }
}

/// The cells of a control in a table.
struct ControlText {
    private let control: ControlRecord?

    init(_ control: ControlRecord?) { self.control = control }

    var maxRunning: String { control?.maxRunning.map { Format.count($0) } ?? "-" }
    var rate: String { control?.rate.map { "\($0)" } ?? "-" }
    var state: String {
        guard let control else { return "open" }
        if control.isPaused {
            let end = control.pausedForSeconds.map { " for \(Format.seconds($0))" } ?? ""
            return "paused" + end + (control.pauseReason.map { ": \($0)" } ?? "")
        }
        guard let left = control.slowedForSeconds else { return "open" }
        return "slowed down for \(Format.seconds(left))" + (control.slowReason.map { ": \($0)" } ?? "")
    }
}

/// A control for programs.
struct ControlRow: Encodable {
    let scope: String
    let name: String
    @Explicit var queue: String?
    @Explicit var maxRunning: Int?
    @Explicit var ratePerSecond: Double?
    @Explicit var rateBurst: Int?
    let paused: Bool
    @Explicit var pauseReason: String?
    @Explicit var pausedForSeconds: Double?
    @Explicit var slowedForSeconds: Double?
    @Explicit var slowReason: String?

    init(_ scope: ControlScope, _ control: ControlRecord?) {
        switch scope {
        case .queue(let queue):
            (self.scope, name, _queue) = ("queue", queue.rawValue, .init(wrappedValue: queue.rawValue))
        case .tenant(let tenant, let queue):
            (self.scope, name, _queue) = ("tenant", tenant.rawValue, .init(wrappedValue: queue?.rawValue))
        case .kind(let kind): (self.scope, name, _queue) = ("kind", kind.rawValue, .init(wrappedValue: nil))
        }
        _maxRunning = Explicit(wrappedValue: control?.maxRunning)
        _ratePerSecond = Explicit(wrappedValue: control?.rate?.perSecond)
        _rateBurst = Explicit(wrappedValue: control?.rate?.burst)
        paused = control?.isPaused ?? false
        _pauseReason = Explicit(wrappedValue: control?.pauseReason)
        _pausedForSeconds = Explicit(wrappedValue: control?.pausedForSeconds)
        _slowedForSeconds = Explicit(wrappedValue: control?.slowedForSeconds)
        _slowReason = Explicit(wrappedValue: control?.slowReason)
    }
}
