internal import SluiceCore

/// How reading one document ended; its text has gone to the ``ReplyStream`` by then.
struct Reading {
    var outcome: ExtractionOutcome
    /// One sentence for people, without text of the document.
    var detail: String
    var metadata: DocumentMetadata

    init(_ outcome: ExtractionOutcome, _ detail: String, _ metadata: DocumentMetadata) {
        self.outcome = outcome
        self.detail = detail
        self.metadata = metadata
    }

    init(_ outcome: ExtractionOutcome, _ detail: String, mediaType: String) {
        self.init(outcome, detail, DocumentMetadata(mediaType: mediaType, pageCount: 0))
    }
}
