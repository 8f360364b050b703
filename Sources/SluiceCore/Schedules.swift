/// A schedule: a rule by which tasks are enqueued.
package struct ScheduleID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// The name by which operators know a schedule; a tenant has each once.
package struct ScheduleName: SluiceName {
    package let rawValue: String
    package init(trusted: String) { rawValue = trusted }
}
