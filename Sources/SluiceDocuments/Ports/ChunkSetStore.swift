package import SluiceCore

/// The chunks of an index version that cuts documents otherwise than the live one: a set of their own, filled beside the others.
/// Implemented on PostgreSQL by SluiceStore.
///
/// Methods with a `Fence` throw `StaleLease` with nothing written when the lease was lost.
package protocol ChunkSetStore: Sendable {
    /// The next bounded step of a version that is `building` and fills its set: cuts the next documents that have no chunks in it, each
    /// in a transaction of its own, from the kept text of its live version. Vectors of equal texts come along. A document whose text was
    /// not kept is read again by a `document.ingest` task, unless that was tried and failed.
    ///
    /// - Parameter limit: documents looked at.
    func cut(_ version: IndexVersionID, limit: Int, fence: Fence) async throws -> CutStep

    /// Counts the documents that have no chunks in the version's set, and what keeps them from it. A pass over all documents.
    func uncut(_ version: IndexVersionID) async throws -> UncutDocuments

    /// Begins the cutting anew after this document.
    func restartCutting(_ version: IndexVersionID, after document: Int64, fence: Fence) async throws

    /// Chunks by their ids, in their order, with what their pieces need to know; only those that may be split: of a set that no other
    /// version which is written to reads.
    func splittable(_ chunks: [ChunkID], in version: IndexVersionID) async throws -> [SplittableChunk]

    /// Puts pieces in the place of chunks that are too long for the version's model. A chunk that went meanwhile is passed over.
    ///
    /// - Returns: ids of the pieces, ascending.
    func split(_ pieces: [ChunkID: [ChunkDraft]], in version: IndexVersionID, fence: Fence) async throws -> [ChunkID]
}

package struct SplittableChunk: Sendable {
    package let id: ChunkID
    package let draft: ChunkDraft

    package init(id: ChunkID, draft: ChunkDraft) {
        self.id = id
        self.draft = draft
    }
}

/// What one step of cutting did.
package struct CutStep: Sendable, Equatable {
    /// Documents looked at, of whatever index; cut; to be read again first.
    package var seen = 0
    package var cut = 0
    package var asked = 0
    /// Chunks that came of it.
    package var chunks = 0
    /// True when there are no further documents.
    package var isAtEnd = false

    package init() {}
}

/// Documents that answer and have no chunks in a version's set.
package struct UncutDocuments: Sendable, Equatable {
    package let count: Int
    /// The id of the first.
    package let first: Int64?
    /// Without a kept text: those that are being read again, and those whose source did not give it.
    package let waiting: Int
    package let stuck: Int
    /// One of the stuck ones.
    package let example: String?

    package init(count: Int, first: Int64?, waiting: Int, stuck: Int, example: String?) {
        self.count = count
        self.first = first
        self.waiting = waiting
        self.stuck = stuck
        self.example = example
    }

    /// With what was found among the documents after these.
    package func followed(by next: UncutDocuments) -> UncutDocuments {
        UncutDocuments(
            count: count + next.count,
            first: first ?? next.first,
            waiting: waiting + next.waiting,
            stuck: stuck + next.stuck,
            example: example ?? next.example
        )
    }

    /// Why the rebuild does not go on without an operator; nil: it does.
    package var problem: String? {
        guard stuck > 0, waiting == 0, stuck == count else { return nil }
        let named = example.map { ", '\($0)' for one," } ?? ""
        return
            "\(stuck) documents cannot be cut anew\(named): their text was not kept and their source does not give it; bring the "
            + "source back and ingest them again, retry their dead letters with 'workerctl dlq retry', erase the documents, or abort"
    }
}
