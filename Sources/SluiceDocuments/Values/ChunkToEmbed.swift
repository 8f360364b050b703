/// A staged chunk without a vector.
package struct ChunkToEmbed: Sendable {
    package let ordinal: Int
    package let part: Int
    package let draft: ChunkDraft

    package init(ordinal: Int, part: Int, draft: ChunkDraft) {
        self.ordinal = ordinal
        self.part = part
        self.draft = draft
    }
}
