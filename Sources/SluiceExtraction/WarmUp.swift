internal import CPopplerGLib
internal import SluiceCore

/// Lets the libraries do what they do once, while they may still open files: tables, locale, time zone, lazy binding.
enum WarmUp {
    static func run() {
        // GLib converts titles and form values through the C library's modules, which are shared objects: they could
        // not be
        // loaded later, and an open converter keeps them.
        for (to, from) in conversions { _ = g_iconv_open(to, from) }
        Array(document.utf8).withUnsafeBytes { bytes in
            guard case .opened(let document) = PDFDocument.open(bytes, passwords: []) else { return }
            _ = document.metadata
            if let page = document.page(0) {
                _ = page.text
                _ = page.hasImages
            }
        }
    }

    private static let conversions = [
        ("UTF-8", "UTF-16BE"), ("UTF-8", "UTF-16LE"), ("UTF-8", "UTF-16"), ("UTF-16BE", "UTF-8"), ("UTF-16", "UTF-8"),
        ("UTF-8", "ISO-8859-1"), ("ISO-8859-1", "UTF-8"),
    ]

    /// One page with a word, without a cross-reference table: poppler builds it.
    private static let document = """
        %PDF-1.4
        1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
        2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
        3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>> endobj
        4 0 obj <</Length 37>> stream
        BT /F 9 Tf 9 9 Td (warm \\351) Tj ET   \u{20}
        endstream endobj
        5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>> endobj
        6 0 obj <</Title(warm)/CreationDate(D:20200101000000+01'00')>> endobj
        trailer <</Root 1 0 R/Info 6 0 R/Size 7>>
        %%EOF
        """
}
