internal import CPopplerGLib

/// What reads documents here.
package enum Readers {
    /// Raised whenever the same bytes may give another text than before: part of the fingerprint of parsed documents.
    private static let revision = 2

    /// `sluice 1, poppler 22.12.0`.
    package static var name: String {
        "sluice \(revision), poppler \(poppler_get_version().map { String(cString: $0) } ?? "of unknown version")"
    }
}
