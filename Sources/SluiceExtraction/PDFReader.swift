internal import CPopplerGLib
internal import SluiceCore

/// Text of PDF files through poppler, page by page in reading order.
enum PDFReader {
    /// Pages without text that are looked at for images.
    private static let imagePageLimit = 200

    static func read(
        _ bytes: UnsafeRawBufferPointer,
        _ request: ExtractionRequest,
        into stream: ReplyStream
    ) throws(ReadingStop) -> Reading {
        if PDFEnding.isCutOff(bytes) {
            return Reading(
                .corrupt,
                "the PDF is cut off: it ends before its trailer; get the whole file",
                mediaType: MediaType.pdf
            )
        }
        let document: PDFDocument
        switch PDFDocument.open(bytes, passwords: request.passwords) {
        case .opened(let opened): document = opened
        case .encrypted:
            let tried = request.passwords.isEmpty ? "the empty password does not" : "no configured password does"
            return Reading(.encrypted, "the PDF needs a password to open and \(tried)", mediaType: MediaType.pdf)
        case .damaged(let reason):
            return Reading(.corrupt, "the PDF cannot be opened: \(reason)", mediaType: MediaType.pdf)
        }
        let metadata = document.metadata
        guard metadata.pageCount > 0 else {
            // Poppler also finds no pages where it cannot find the list of them.
            return PDFEnding.saysNoPages(bytes)
                ? Reading(.empty, "the PDF has no pages", metadata)
                : Reading(.corrupt, "the PDF's list of pages cannot be read", metadata)
        }
        guard metadata.pageCount <= request.limits.maxPages else {
            let detail = "the PDF has \(metadata.pageCount) pages; the limit is \(request.limits.maxPages)"
            return Reading(.tooLarge, detail, metadata)
        }
        var census = PageCensus()
        for number in 0..<metadata.pageCount {
            let text = document.page(number).map { page in
                let text = page.text
                if !text.isVisible, census.blank < imagePageLimit, page.hasImages { census.imageOnly += 1 }
                if !text.isVisible { census.blank += 1 }
                return text
            }
            if text == nil { census.unreadable += 1 }
            try stream.page(text ?? CleanText())
        }
        return census.judge(metadata, hasText: stream.hasVisibleText)
    }

    private struct PageCensus {
        var unreadable = 0
        var blank = 0
        var imageOnly = 0

        func judge(_ metadata: DocumentMetadata, hasText: Bool) -> Reading {
            let pages = metadata.pageCount
            if hasText {
                var detail = pages == 1 ? "1 page" : "\(pages) pages"
                if unreadable > 0 { detail += "; \(unreadable) of them could not be read" }
                if imageOnly > 0 { detail += "; \(imageOnly) of them hold images and no text" }
                return Reading(.ok, detail, metadata)
            }
            if unreadable == pages {
                return Reading(.corrupt, "none of its pages can be read (\(pages) in all)", metadata)
            }
            if imageOnly > 0 {
                return Reading(
                    .needsOCR,
                    "its pages hold images and no text (\(pages) in all); text recognition is needed",
                    metadata
                )
            }
            return Reading(.empty, "its pages hold neither text nor images (\(pages) in all)", metadata)
        }
    }
}
