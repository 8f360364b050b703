/// What the gates say of an index version. Raw values are stored and printed.
package enum GateVerdict: String, Sendable, CaseIterable {
    case go
    case noGo = "no_go"
    /// Too little was measured to tell. It is no pass: such a version is not swapped in.
    case inconclusive

    /// True for `go` alone.
    package var passes: Bool { self == .go }
}
