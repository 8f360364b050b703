package import SluiceCore

/// An index and its live version, as the registry has them.
package struct IndexSnapshot: Sendable {
    package let id: IndexID
    package let name: IndexName
    package let liveVersion: IndexVersionID
    package let number: Int
    package let model: ModelIdentity
    package let epoch: Int64
    /// The live version's chunk set, from 1, and the fingerprint of what cuts its chunks.
    package let chunkSet: Int
    package let chunker: String
    /// Sets of the versions that are written to.
    package let writtenSets: Int

    package init(
        id: IndexID,
        name: IndexName,
        liveVersion: IndexVersionID,
        number: Int,
        model: ModelIdentity,
        epoch: Int64,
        chunkSet: Int,
        chunker: String,
        writtenSets: Int
    ) {
        self.id = id
        self.name = name
        self.liveVersion = liveVersion
        self.number = number
        self.model = model
        self.epoch = epoch
        self.chunkSet = chunkSet
        self.chunker = chunker
        self.writtenSets = writtenSets
    }
}
