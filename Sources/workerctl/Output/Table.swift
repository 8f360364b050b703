/// Rows in aligned columns, as people read them. No borders, two spaces between columns, no trailing spaces.
struct Table {
    enum Alignment { case left, right }

    struct Column {
        let title: String
        let alignment: Alignment

        init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count, "a row has one cell a column")
        // Untrusted text (titles, URIs, error messages) must not move the cursor or colour the terminal.
        rows.append(cells.map(Self.printable))
    }

    func render() -> String {
        let titled = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in titled.map { $0[column].count }.max() ?? 0 }
        return titled.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                line += columns[index].alignment == .left ? cell + padding : padding + cell
                if index < row.count - 1 { line += "  " }
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// The text with control characters, escapes and line breaks folded to spaces.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control || $0 == "\u{2028}" ? " " : $0 }
            )
        )
    }
}

/// Numbers and times as operators read them.
enum Format {
    /// `1,234,567`.
    static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result += "," }
            result.append(digit)
        }
        return value < 0 ? "-" + result : result
    }

    /// `14m32s`, `2.5s`, `3d4h`; `?` when unknown.
    static func seconds(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "?" }
        if value < 0.0005 { return "0s" }
        if value < 10 { return "\(decimal(value, value < 1 ? 3 : 1))s" }
        let whole = Int(value.rounded())
        if whole < 60 { return "\(whole)s" }
        if whole < 3_600 { return "\(whole / 60)m\(whole % 60)s" }
        if whole < 86_400 { return "\(whole / 3_600)h\(whole % 3_600 / 60)m" }
        return "\(whole / 86_400)d\(whole % 86_400 / 3_600)h"
    }

    static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "?" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((abs(value) * scale).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard places > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % Int(scale))
        return sign + "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    static func bytes(_ value: Int) -> String {
        if value < 1 << 20 { return "\(value >> 10) KB" }
        if value < 1 << 30 { return "\(value >> 20) MB" }
        return decimal(Double(value) / 1_073_741_824, 1) + " GB"
    }

    static func known(_ value: (some BinaryInteger)?) -> String { value.map { count($0) } ?? "?" }
}
