/// Small real PDFs, made here: uncompressed, Helvetica, one text line per row.
enum MiniPDF {
    static func make(pages: [[String]], title: String = "A test document") -> [UInt8] {
        var objects: [String] = []
        let firstPage = 4
        let kids = pages.indices.map { "\(firstPage + 2 * $0) 0 R" }.joined(separator: " ")
        objects.append("<< /Type /Catalog /Pages 2 0 R >>")
        objects.append("<< /Type /Pages /Kids [\(kids)] /Count \(pages.count) >>")
        objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        for (index, lines) in pages.enumerated() {
            let content =
                "BT /F1 11 Tf 14 TL 50 780 Td " + lines.map { "(\(escaped($0))) Tj T*" }.joined(separator: " ") + " ET"
            objects.append(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents \(firstPage + 2 * index + 1) 0 R "
                    + "/Resources << /Font << /F1 3 0 R >> >> >>"
            )
            objects.append("<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream")
        }
        objects.append("<< /Title (\(escaped(title))) /Author (Sluice) >>")
        var file = "%PDF-1.4\n"
        var offsets: [Int] = []
        for (index, object) in objects.enumerated() {
            offsets.append(file.utf8.count)
            file += "\(index + 1) 0 obj\n\(object)\nendobj\n"
        }
        let start = file.utf8.count
        file += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
        for offset in offsets {
            let digits = String(offset)
            file += String(repeating: "0", count: 10 - digits.count) + digits + " 00000 n \n"
        }
        file +=
            "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R /Info \(objects.count) 0 R >>\nstartxref\n\(start)\n%%EOF\n"
        return Array(file.utf8)
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "()\\".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}

/// Sentences that differ from document to document and from page to page, so that chunks do too.
enum Prose {
    private static let subjects = [
        "The relay", "A worker", "The rescuer", "Every lease", "The operator", "A chunk", "The index",
    ]
    private static let verbs = ["renews", "settles", "inspects", "rejects", "delivers", "measures", "replaces"]
    private static let objects = [
        "the window", "a stale token", "each document", "its neighbours", "the old version", "a batch",
    ]

    static func lines(document: Int, page: Int, count: Int = 40) -> [String] {
        (0..<count).map { line in
            let seed = document &* 7_919 &+ page &* 104_729 &+ line &* 1_299_709
            let subject = subjects[abs(seed) % subjects.count]
            let verb = verbs[abs(seed / 7) % verbs.count]
            let object = objects[abs(seed / 49) % objects.count]
            return "\(subject) \(verb) \(object) in case \(document).\(page).\(line) of the handbook."
        }
    }
}
