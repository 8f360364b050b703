package import SluiceCore

/// How one of a coordinator's duties fares.
package struct DutyHealth: Sendable, Equatable {
    package let name: String
    /// Nil until a round succeeded.
    package internal(set) var lastSuccess: Instant?
    /// Safe to show; nil when the last round succeeded.
    package internal(set) var lastError: String?
    /// Rounds that failed since the last success.
    package internal(set) var failures = 0
    package internal(set) var rounds = 0

    package init(name: String) { self.name = name }
}
