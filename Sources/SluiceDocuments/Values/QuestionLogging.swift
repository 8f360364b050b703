package import SluiceCore

/// Whether and how much of what readers ask of an index is kept.
package struct QuestionLogPolicy: Sendable, Equatable {
    package static let percents = 1...100
    package static let perDays = 1...100_000
    package static let dayCounts = 1...3_650

    /// Of a hundred questions.
    package var percent: Int
    /// Different questions of a tenant on one day, by UTC, at most.
    package var perDay: Int
    /// For how many days they are kept.
    package var days: Int

    package init(percent: Int = 10, perDay: Int = 200, days: Int = 30) {
        self.percent = percent
        self.perDay = perDay
        self.days = days
    }
}

/// A question that a reader asked, as it was kept.
package struct LoggedQuestion: Sendable, Equatable {
    package let id: Int64
    package let tenant: TenantID
    /// `YYYY-MM-DD`, by UTC.
    package let day: String
    package let text: String
    /// As it was asked first that day: `dense`, `bm25` or `hybrid`.
    package let mode: String
    /// How often it was drawn that day.
    package let asked: Int

    package init(id: Int64, tenant: TenantID, day: String, text: String, mode: String, asked: Int) {
        self.id = id
        self.tenant = tenant
        self.day = day
        self.text = text
        self.mode = mode
        self.asked = asked
    }
}
