package import SluiceCore

/// Where questions of readers are kept, for operators and for gates. Its sessions must see all tenants.
package protocol QuestionStore: Sendable {
    /// Nil: nothing is kept, or there is no such index.
    func questionLog(of index: IndexName) async throws -> QuestionLogPolicy?
    /// Nil ends it, and forgets every question that was kept. False when there is no such index.
    func setQuestionLog(_ policy: QuestionLogPolicy?, of index: IndexName) async throws -> Bool
    /// The newest first.
    func questions(of index: IndexName, tenant: TenantID?, limit: Int) async throws -> [LoggedQuestion]
    /// Different ones, the same for the same seed while nothing changes.
    func sampleQuestions(of index: IndexID, count: Int, seed: UInt64) async throws -> [LoggedQuestion]
}
