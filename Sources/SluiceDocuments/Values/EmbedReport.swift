/// What storing a window's vectors led to.
package struct EmbedReport: Sendable, Equatable {
    /// True when this made the version live.
    package let isLive: Bool
    /// True when a newer version had superseded this one, or the document is gone: nothing but the vectors was stored.
    package let wasSuperseded: Bool

    package init(isLive: Bool, wasSuperseded: Bool) {
        self.isLive = isLive
        self.wasSuperseded = wasSuperseded
    }
}
