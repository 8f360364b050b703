/// Vectors of unit length, one a row.
package struct EmbeddingMatrix: Hashable, Sendable {
    /// Rows.
    package let count: Int
    /// Columns.
    package let dimension: Int
    /// `count` × `dimension` numbers, row by row; every row's Euclidean length is 1 within 1e-3.
    package let values: [Float]

    /// - Precondition: `values` holds `count` × `dimension` numbers.
    package init(count: Int, dimension: Int, values: [Float]) {
        precondition(
            values.count == count * dimension,
            "a matrix of \(count) × \(dimension) got \(values.count) values"
        )
        self.count = count
        self.dimension = dimension
        self.values = values
    }

    package subscript(row: Int) -> ArraySlice<Float> { values[row * dimension..<(row + 1) * dimension] }

    /// The cosine of two rows.
    package func similarity(_ first: Int, _ second: Int) -> Float {
        zip(self[first], self[second]).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
