import Sluice
import SluiceReading

// What stands between the marks is in the README, letter by letter; a test compares them.

// README begin
func answers(to question: String, for person: String, _ settings: SluiceSettings) async throws -> [String] {
    let reader = try SluiceReader(settings, keepsQuestions: true)  // one for the process; false unless you say so
    var asked = SluiceQuestion(question, tenant: "acme", principals: [person])
    asked.mode = .bm25  // the others want the version's model: SluiceReader(settings, models: [QuestionModel(…)])
    asked.filter = .all([.tagged("final"), .field("year", from: 2024, to: nil)])
    let answer = try await reader.search(asked)
    await reader.close()
    return answer.hits.map { "\($0.title ?? $0.uri), page \($0.pages?.lowerBound ?? 1): \($0.text)" }
}
// README end
