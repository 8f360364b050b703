/// How one document's extraction ended, with its text where it went well.
package struct ExtractionReply: Hashable, Sendable {
    package var outcome: ExtractionOutcome
    /// Present exactly when `outcome` is `ok`; then it holds at least one visible character.
    package var text: ExtractedText?
    /// One sentence for people: what was found or went wrong. Safe to store: never text of the document.
    package var detail: String

    package init(outcome: ExtractionOutcome, text: ExtractedText? = nil, detail: String) {
        self.outcome = outcome
        self.text = text
        self.detail = detail
    }
}
