internal import SluiceSystem

/// How a pool runs its extractor children.
package struct ExtractorConfiguration: Hashable, Sendable {
    /// Absolute path of the `extractor` executable.
    package var executable: String
    /// Children that work at the same time: the worker's concurrency of ingestion. At least 1.
    package var children: Int
    /// Documents after which a child is replaced, against slow leaks. 1 gives every document a process of its own.
    package var documentsPerChild: Int
    /// Growth of a child's resident memory, in bytes since its greeting, after which it is replaced.
    package var residentGrowth: Int
    /// Hard limit of a child's address space in bytes; a document's own limit is capped by it.
    package var addressSpaceCeiling: Int
    /// Time that a new child has to greet.
    package var startTimeout: Duration
    /// Files may ask the child to misbehave: for tests only, set by `SLUICE_EXTRACTOR_TEST_HOOKS=1`.
    package var honoursTestHooks: Bool

    package init(
        executable: String = ExtractorConfiguration.defaultExecutable(),
        children: Int,
        documentsPerChild: Int = 200,
        residentGrowth: Int = 256 << 20,
        addressSpaceCeiling: Int = 4 << 30,
        startTimeout: Duration = .seconds(30),
        honoursTestHooks: Bool = Environment.value("SLUICE_EXTRACTOR_TEST_HOOKS") == "1"
    ) {
        self.executable = executable
        self.children = max(1, children)
        self.documentsPerChild = max(1, documentsPerChild)
        self.residentGrowth = residentGrowth
        self.addressSpaceCeiling = addressSpaceCeiling
        self.startTimeout = startTimeout
        self.honoursTestHooks = honoursTestHooks
    }

    /// `$SLUICE_EXTRACTOR`, else the file `extractor` beside the running executable.
    package static func defaultExecutable() -> String {
        if let path = Environment.value("SLUICE_EXTRACTOR") { return path }
        guard let own = Environment.executablePath(), let slash = own.lastIndex(of: "/") else { return "extractor" }
        return own[..<slash] + "/extractor"
    }
}
