/// Bars in groups as inline SVG: no script, no font, no request to anywhere.
struct BarChart {
    struct Group {
        let label: String
        /// One a series; nil where there is none.
        let values: [Double?]
    }

    let title: String
    /// What the bars of a group are.
    let series: [String]
    let groups: [Group]
    /// The end of the axis; nil: what the highest bar needs.
    var top: Double?
    /// A line across, as a threshold.
    var line: Double?
    /// Decimal places of the numbers on the bars.
    var places = 3

    private static let colours = ["#2b6cb0", "#a0aec0"]
    private static let height = 220.0
    private static let bar = 26.0
    private static let left = 52.0

    func svg() -> String {
        let limit = top ?? max(1e-9, (groups.flatMap(\.values).compactMap(\.self) + [line ?? 0]).max() ?? 1) * 1.1
        let step = Self.bar * Double(max(1, series.count)) + 22
        let width = Self.left + step * Double(max(1, groups.count)) + 16
        func y(_ value: Double) -> Double { 30 + Self.height * (1 - min(1, max(0, value / limit))) }
        var parts = [
            "<svg role=\"img\" viewBox=\"0 0 \(number(max(width, 360))) 330\" width=\"\(number(max(width, 360)))\" "
                + "height=\"330\" xmlns=\"http://www.w3.org/2000/svg\"><title>\(HTML.escaped(title))</title>"
        ]
        for tick in 0...4 {
            let value = limit * Double(tick) / 4
            parts.append(
                "<line x1=\"\(number(Self.left))\" x2=\"\(number(width))\" y1=\"\(number(y(value)))\" y2=\"\(number(y(value)))\" "
                    + "class=\"grid\"/><text x=\"\(number(Self.left - 6))\" y=\"\(number(y(value) + 4))\" class=\"tick\">"
                    + "\(HTML.number(value, places))</text>"
            )
        }
        for (place, group) in groups.enumerated() {
            let start = Self.left + 11 + step * Double(place)
            for (number, value) in group.values.enumerated() {
                guard let value, value.isFinite else { continue }
                parts.append(bar(value, at: start + Self.bar * Double(number), y(value), number, group.label))
            }
            let middle = start + Self.bar * Double(series.count) / 2
            parts.append(
                "<text transform=\"translate(\(number(middle)) \(number(Self.height + 44))) rotate(-28)\" class=\"label\">"
                    + "\(HTML.escaped(HTML.short(group.label)))</text>"
            )
        }
        if let line {
            parts.append(
                "<line x1=\"\(number(Self.left))\" x2=\"\(number(width))\" y1=\"\(number(y(line)))\" y2=\"\(number(y(line)))\" "
                    + "class=\"limit\"><title>threshold \(HTML.number(line, places))</title></line>"
            )
        }
        parts.append("</svg>")
        let legend = series.enumerated().map { place, name in
            "<span style=\"color:\(Self.colours[place % 2])\">&#9632;</span> \(HTML.escaped(name))"
        }
        return
            "<figure><figcaption>\(HTML.escaped(title))<small>\(legend.joined(separator: " &nbsp; "))</small></figcaption>"
            + parts.joined() + "</figure>"
    }

    private func bar(_ value: Double, at x: Double, _ y: Double, _ place: Int, _ label: String) -> String {
        let bottom = 30 + Self.height
        let name = series.indices.contains(place) ? series[place] : ""
        return "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(Self.bar - 3))\" "
            + "height=\"\(number(max(0, bottom - y)))\" fill=\"\(Self.colours[place % 2])\"><title>"
            + "\(HTML.escaped(label)), \(HTML.escaped(name)): \(HTML.number(value, places))</title></rect>"
            + "<text x=\"\(number(x + (Self.bar - 3) / 2))\" y=\"\(number(y - 4))\" class=\"value\">"
            + "\(HTML.number(value, places))</text>"
    }

    private func number(_ value: Double) -> String { HTML.number(value, 1) }
}

/// Text and numbers as a page takes them.
enum HTML {
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default:
                // Control characters are in no valid page.
                result.unicodeScalars.append(character.properties.generalCategory == .control ? " " : character)
            }
        }
        return result
    }

    static func number(_ value: Double, _ places: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "?" }
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    /// At most 18 characters.
    static func short(_ text: String) -> String { text.count <= 18 ? text : text.prefix(17) + "…" }
}
