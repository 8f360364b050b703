package import SluiceCore

/// An index and its live version, as the registry has them.
package struct IndexSnapshot: Sendable {
    package let id: IndexID
    package let name: IndexName
    package let liveVersion: IndexVersionID
    package let number: Int
    package let model: ModelIdentity
    package let epoch: Int64

    package init(
        id: IndexID,
        name: IndexName,
        liveVersion: IndexVersionID,
        number: Int,
        model: ModelIdentity,
        epoch: Int64
    ) {
        self.id = id
        self.name = name
        self.liveVersion = liveVersion
        self.number = number
        self.model = model
        self.epoch = epoch
    }
}
