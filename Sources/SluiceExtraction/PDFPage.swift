internal import CPopplerGLib

/// A page of an open PDF. Owns poppler's page; must not outlive its document. For one thread.
final class PDFPage {
    private let handle: OpaquePointer

    init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { sluice_release_page(handle) }

    /// All text in reading order with empty lines between paragraphs, then what is filled into the page's form.
    ///
    /// Ends with a line feed unless empty, so that pages can follow each other.
    var text: CleanText {
        var text = CleanText()
        withPrintedText { text.append($0, layout: layout(of: $0)) }
        text.endLine()
        for value in filledIn {
            text.append(value)
            text.endLine()
        }
        return text
    }

    /// True when the page draws any image. Runs the page's content again.
    var hasImages: Bool {
        guard let images = poppler_page_get_image_mapping(handle) else { return false }
        poppler_page_free_image_mapping(images)
        return true
    }

    private func withPrintedText(_ body: (String) -> Void) {
        guard let raw = poppler_page_get_text(handle) else { return }
        defer { g_free(raw) }
        body(String(cString: raw))
    }

    /// Where `text` needs empty lines and blanks that poppler leaves out; nothing when it does not say where letters stand.
    private func layout(of text: String) -> TextLayout {
        var rectangles: UnsafeMutablePointer<PopplerRectangle>?
        var count: guint = 0
        guard poppler_page_get_text_layout(handle, &rectangles, &count) != 0, let rectangles else { return .unknown }
        defer { g_free(rectangles) }
        var lines = [TextLine()]
        var seams: [TextLayout.Seam] = []
        var index = 0
        for scalar in text.unicodeScalars {
            // One rectangle a character. Where the two disagree there is no telling which belongs to which.
            guard index < count else { return .unknown }
            let place = rectangles[index]
            if scalar == "\n" {
                lines.append(TextLine())
            } else if scalar.value > 0x20 {
                let line = lines.count - 1
                if let blank = lines[line].blank(before: place.x1, height: place.y2 - place.y1) {
                    seams.append(TextLayout.Seam(index: index, blank: blank))
                }
                lines[line].add(scalar, left: place.x1, top: place.y1, right: place.x2, bottom: place.y2)
            } else {
                lines[lines.count - 1].pause()
            }
            index += 1
        }
        return index == count ? TextLayout(breaks: Paragraphs.breaks(before: lines), seams: seams) : .unknown
    }

    /// Values of text and choice fields as `label: value`, in the order of the page. The page's own text lacks them.
    private var filledIn: [String] {
        guard let fields = poppler_page_get_form_field_mapping(handle) else { return [] }
        defer { poppler_page_free_form_field_mapping(fields) }
        var values: [String] = []
        var next: UnsafeMutablePointer<GList>? = fields
        while let item = next {
            next = item.pointee.next
            let mapping = item.pointee.data?.assumingMemoryBound(to: PopplerFormFieldMapping.self)
            guard let field = mapping?.pointee.field, let value = Self.value(of: field) else { continue }
            values.append(Self.label(of: field).map { "\($0): \(value)" } ?? value)
        }
        return values
    }

    private static func value(of field: OpaquePointer) -> String? {
        switch poppler_form_field_get_field_type(field) {
        case POPPLER_FORM_FIELD_TEXT:
            guard poppler_form_field_text_is_password(field) == 0 else { return nil }
            return taken(poppler_form_field_text_get_text(field))
        case POPPLER_FORM_FIELD_CHOICE:
            let count = max(0, poppler_form_field_choice_get_n_items(field))
            let chosen = (0..<count).filter { poppler_form_field_choice_is_item_selected(field, $0) != 0 }
            let names = chosen.compactMap { taken(poppler_form_field_choice_get_item(field, $0)) }
            return names.isEmpty ? nil : names.joined(separator: ", ")
        default:
            return nil
        }
    }

    /// What people read beside the field; the field's technical name says little.
    private static func label(of field: OpaquePointer) -> String? {
        taken(poppler_form_field_get_alternate_ui_name(field)).flatMap { OneLine.of($0) }
    }

    /// Poppler's text, freed; nil when there is nothing in it.
    private static func taken(_ raw: UnsafeMutablePointer<CChar>?) -> String? {
        guard let raw else { return nil }
        defer { g_free(raw) }
        let text = String(cString: raw)
        return text.isEmpty ? nil : text
    }
}
