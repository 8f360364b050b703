/// What an extractor says once, after it has confined itself and before it takes the first document.
package struct ExtractorGreeting: Hashable, Sendable {
    /// The confinement that is in force, as bits.
    package struct Confinement: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let noNewPrivileges = Confinement(rawValue: 1 << 0)
        package static let seccomp = Confinement(rawValue: 1 << 1)
        package static let resourceLimits = Confinement(rawValue: 1 << 2)
        package static let ownProcessGroup = Confinement(rawValue: 1 << 3)
        /// Files can be read beneath poppler's data only. Needs Linux 5.13.
        package static let landlock = Confinement(rawValue: 1 << 4)
        /// Runs as another, unprivileged user than its parent, who is root.
        package static let unprivilegedUser = Confinement(rawValue: 1 << 5)

        /// Without these no document is handed over.
        package static let required: Confinement = [.noNewPrivileges, .seccomp, .resourceLimits, .ownProcessGroup]

        /// The members' names, as `extractor --self-test` prints them.
        package var names: [String] {
            Self.known.filter { contains($0.1) }.map(\.0)
        }

        /// Every member with its name.
        package static let known: [(String, Confinement)] = [
            ("no_new_privileges", .noNewPrivileges), ("seccomp", .seccomp), ("resource_limits", .resourceLimits),
            ("own_process_group", .ownProcessGroup), ("landlock", .landlock), ("unprivileged_user", .unprivilegedUser),
        ]
    }

    package let confinement: Confinement
    /// What reads, for the fingerprint of parsed documents: `sluice 1, poppler 22.12.0`.
    package let reader: String

    package init(confinement: Confinement, reader: String) {
        self.confinement = confinement
        self.reader = reader
    }

    package var frame: ExtractionFrame {
        var writer = WireWriter()
        writer.append(confinement.rawValue)
        writer.append(reader, limit: ExtractionWire.maxReaderBytes)
        return ExtractionFrame(.greeting, body: writer.bytes)
    }

    package init(_ frame: ExtractionFrame) throws(WireViolation) {
        guard frame.kind == .greeting else { throw WireViolation("a \(frame.kind) instead of a greeting") }
        var reader = WireReader(frame.body)
        confinement = Confinement(rawValue: try reader.integer(UInt32.self))
        self.reader = try reader.text(limit: ExtractionWire.maxReaderBytes)
        try reader.finish()
    }
}
