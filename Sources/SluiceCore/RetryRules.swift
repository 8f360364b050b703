/// What follows from an error, by its class: ordered rules, the first that fits decides; without one the attempt is retried
/// by its kind's `RetryPolicy`.
///
/// A pure value. Whatever it says, the attempt's error is kept.
package struct RetryRules: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        /// Run again after a back-off, the given one or the kind's own; dead after the last attempt.
        case retry(Backoff?)
        /// Run again after a delay within these bounds, chosen evenly, without using up an attempt.
        case snooze(atLeast: Duration, atMost: Duration)
        /// To the dead letters at once: another attempt cannot end differently until somebody mends something.
        case bury
        /// To the dead letters, and left alone by bulk retries: another attempt would do harm.
        case quarantine
        /// Settled as cancelled: nobody needs to look at it.
        case discard
        /// Settled as cancelled: its work is not wanted any more.
        case cancel
    }

    package struct Rule: Hashable, Sendable {
        /// A whole class or its first parts: `provider` fits `provider` and `provider.busy`, not `providers.busy`. Empty
        /// fits all.
        package let prefix: String
        package let action: Action

        package init(_ prefix: String, _ action: Action) {
            self.prefix = prefix
            self.action = action
        }

        func fits(_ errorClass: String) -> Bool {
            guard errorClass.utf8.starts(with: prefix.utf8) else { return false }
            let rest = errorClass.utf8.dropFirst(prefix.utf8.count)
            return prefix.isEmpty || rest.isEmpty || rest.first == UInt8(ascii: ".")
        }
    }

    package let rules: [Rule]

    package init(_ rules: [Rule]) {
        for case .snooze(let shortest, let longest) in rules.lazy.map(\.action) {
            precondition(shortest > .zero && longest >= shortest)
        }
        self.rules = rules
    }

    package func action(for errorClass: String) -> Action {
        rules.first { $0.fits(errorClass) }?.action ?? .retry(nil)
    }

    /// These rules, and where none fits the others.
    package func before(_ others: RetryRules) -> RetryRules { RetryRules(rules + others.rules) }

    /// A provider that asks for patience gets it without an attempt being used; what nobody will ever be able to read does
    /// not try again; what is gone is not wanted any more.
    package static let standard = RetryRules([
        Rule("provider.rate_limited", .snooze(atLeast: .seconds(5), atMost: .seconds(30))),
        Rule("payload.invalid", .bury), Rule("index.model_mismatch", .bury), Rule("document.gone", .cancel),
    ])
}
