/// About how large an HNSW index becomes: estimates, for memory and for plans.
package enum HNSWSize {
    /// MiB of the graph while it is built: vectors, links to 2·m neighbours on the lowest level and some above, and overhead.
    package static func graphMegabytes(_ vectors: Int, _ dimension: Int, _ storage: VectorStorage, m: Int) -> Int {
        vectors * (storage.bytes(dimension) + m * 2 * 16 * 5 / 4 + 256) / 1_048_576 + 1
    }

    /// Bytes on disk: what pgvector writes for an element and its neighbours, in pages of 8 KiB that are not quite full.
    package static func indexBytes(_ vectors: Int, _ dimension: Int, _ storage: VectorStorage, m: Int) -> Int {
        let element = 76 + storage.bytes(dimension)
        // Two lists' worth on the lowest level, and about one in m has upper ones.
        let neighbours = 16 + 6 * 2 * m + 6
        // A vector never spans pages: one that fills more than half of one takes it whole.
        let perPage = max(1, 8_100 / (element + neighbours))
        return (vectors / perPage + 1) * 8_192
    }

    /// Bytes of a version's table with its primary key and the index by tenant.
    package static func tableBytes(_ vectors: Int, _ dimension: Int, _ storage: VectorStorage) -> Int {
        // Header, key, tenant and hash of a row; about 45 bytes in its two B-trees.
        vectors * (storage.bytes(dimension) + 28 + 8 + 12 + 36 + 45) * 105 / 100 + 65_536
    }
}
