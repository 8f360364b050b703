/// In which order tables are emptied: what refers to others before what it refers to. A pure value.
///
/// With the tables of all foreign keys gone through child first, no delete cascades into rows that were not counted, and none is
/// refused for rows that still refer to it. Order among equals is by name, so that two passes go the same way.
package enum ErasureOrder {
    /// - Parameter references: from the table with the key to the one it refers to. A table's references to itself mean nothing;
    ///   among tables that refer to each other in a circle the first by name goes first.
    package static func of(_ tables: [String], references: [(from: String, to: String)]) -> [String] {
        let known = Set(tables)
        var children: [String: Set<String>] = [:]
        for (from, to) in references where from != to && known.contains(from) && known.contains(to) {
            children[to, default: []].insert(from)
        }
        var left = tables.sorted()
        var order: [String] = []
        var done: Set<String> = []
        while !left.isEmpty {
            let index = left.firstIndex { children[$0, default: []].isSubset(of: done) } ?? 0
            let table = left.remove(at: index)
            done.insert(table)
            order.append(table)
        }
        return order
    }
}
