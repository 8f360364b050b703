internal import SluiceCore

package struct CoordinatorConfiguration: Sendable {
    package var host: String
    package var pid: Int32
    package var version: String
    /// Of the leadership and of the coordinator's own registration.
    package var leaseLength: Duration
    /// How often lost tasks are looked for.
    package var sweepInterval: Duration
    package var archiveRetention: Duration
    /// How long fires of schedules are remembered.
    package var fireRetention: Duration
    /// How priorities age.
    package var aging: AgingOrder

    package init(
        host: String,
        pid: Int32,
        version: String,
        leaseLength: Duration = .seconds(15),
        sweepInterval: Duration = .seconds(4),
        archiveRetention: Duration = .seconds(7 * 86_400),
        fireRetention: Duration = .seconds(90 * 86_400),
        aging: AgingOrder = AgingOrder()
    ) {
        self.host = host
        self.pid = pid
        self.version = version
        self.leaseLength = leaseLength
        self.sweepInterval = sweepInterval
        self.archiveRetention = archiveRetention
        self.fireRetention = fireRetention
        self.aging = aging
    }
}
