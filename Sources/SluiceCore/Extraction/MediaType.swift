/// Media types that readers exist for, and what a file's name says about its type.
package enum MediaType {
    package static let pdf = "application/pdf"
    package static let plainText = "text/plain"
    package static let markdown = "text/markdown"

    /// What the name's ending says; nil when it says nothing known.
    package static func hint(forPath path: String) -> String? {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...].lowercased() {
        case "pdf": return pdf
        case "md", "markdown", "mdown", "mkd": return markdown
        case "txt", "text", "log", "rst", "adoc", "csv", "tsv", "json": return plainText
        default: return nil
        }
    }
}
