internal import CPopplerGLib
internal import SluiceCore

/// An open PDF. Owns poppler's document; the bytes must outlive it. For one thread.
final class PDFDocument {
    enum Opening {
        case opened(PDFDocument)
        case encrypted
        case damaged(String)
    }

    private let handle: OpaquePointer

    private init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { sluice_release_document(handle) }

    /// Opens `bytes` with the empty password, then with each of `passwords`.
    static func open(_ bytes: UnsafeRawBufferPointer, passwords: [String]) -> Opening {
        let content = g_bytes_new_static(bytes.baseAddress, gsize(bytes.count))
        defer { g_bytes_unref(content) }
        for password in [nil] + passwords.map(Optional.some) {
            var error: UnsafeMutablePointer<GError>?
            if let handle = document(content, size: bytes.count, password, &error) {
                return .opened(PDFDocument(adopting: handle))
            }
            defer { g_error_free(error) }
            if sluice_is_poppler_error(error, Int32(POPPLER_ERROR_ENCRYPTED.rawValue)) == 0 {
                return .damaged(reason(error))
            }
        }
        return .encrypted
    }

    private static func document(
        _ content: OpaquePointer?,
        size: Int,
        _ password: String?,
        _ error: inout UnsafeMutablePointer<GError>?
    ) -> OpaquePointer? {
        guard let password else { return poppler_document_new_from_bytes(content, nil, &error) }
        // Poppler tries a password twice, as Latin-1 and as UTF-8, and 22.12 frees what it reads from between the two
        // unless that is a GIO stream.
        guard let stream = g_memory_input_stream_new_from_bytes(content) else { return nil }
        defer { sluice_release_stream(stream) }
        return poppler_document_new_from_stream(stream, goffset(size), password, nil, &error)
    }

    var metadata: DocumentMetadata {
        DocumentMetadata(
            title: Self.line(poppler_document_get_title(handle)),
            author: Self.line(poppler_document_get_author(handle)),
            createdAt: Self.seconds(poppler_document_get_creation_date_time(handle)),
            modifiedAt: Self.seconds(poppler_document_get_modification_date_time(handle)),
            mediaType: MediaType.pdf,
            pageCount: max(0, Int(poppler_document_get_n_pages(handle)))
        )
    }

    /// A page by its number from 0; nil when it is damaged.
    func page(_ number: Int) -> PDFPage? {
        poppler_document_get_page(handle, Int32(clamping: number)).map(PDFPage.init(adopting:))
    }

    private static func reason(_ error: UnsafeMutablePointer<GError>?) -> String {
        if sluice_is_poppler_error(error, Int32(POPPLER_ERROR_BAD_CATALOG.rawValue)) != 0 {
            return "its catalog is damaged"
        }
        if sluice_is_poppler_error(error, Int32(POPPLER_ERROR_DAMAGED.rawValue)) != 0 {
            return "it is damaged beyond repair"
        }
        return "it is not a PDF, or damaged beyond repair"
    }

    /// One line out of a document's own text, freed; nil when nothing is to be seen.
    private static func line(_ raw: UnsafeMutablePointer<CChar>?) -> String? {
        guard let raw else { return nil }
        defer { g_free(raw) }
        return OneLine.of(String(cString: raw))
    }

    private static func seconds(_ date: OpaquePointer?) -> Int64? {
        guard let date else { return nil }
        defer { g_date_time_unref(date) }
        return Int64(g_date_time_to_unix(date))
    }
}
