/// Which page a character is on.
struct PageMap {
    /// Ascending scalar offsets, one a page; empty for formats without pages.
    let starts: [Int]

    /// The page of the character at `offset`, from 1. An empty page holds no character, so the later of two pages with one
    /// start wins. Nil without pages.
    func page(at offset: Int) -> Int? {
        guard !starts.isEmpty else { return nil }
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return max(low, 1)
    }
}
