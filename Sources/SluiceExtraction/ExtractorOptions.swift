/// What the extractor is started with.
package struct ExtractorOptions: Hashable, Sendable {
    /// Hard limit of the process's address space in bytes.
    package var addressSpace = 4 << 30
    /// The process whose end shall end this one.
    package var parent: Int32?
    /// See `TestHooks`: for tests only.
    package var honoursTestHooks = false

    package init() {}

    /// Reads `--address-space BYTES`, `--parent PID` and `--test-hooks`; nil for anything else.
    package init?(_ arguments: some Collection<String>) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--test-hooks": honoursTestHooks = true
            case "--address-space":
                guard let bytes = rest.popFirst().flatMap({ Int($0) }), bytes > 0 else { return nil }
                addressSpace = bytes
            case "--parent":
                guard let id = rest.popFirst().flatMap({ Int32($0) }), id > 0 else { return nil }
                parent = id
            default: return nil
            }
        }
    }
}
