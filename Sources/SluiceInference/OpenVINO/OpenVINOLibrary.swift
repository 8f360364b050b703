internal import COpenVINO
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// The opened library: its functions, and one core for the process.
// Function pointers and the core's pointer are written once in `init`; OpenVINO documents the core as safe to share.
final class OpenVINOLibrary: @unchecked Sendable {
    let api: sluice_openvino
    private let core: OpaquePointer

    /// Opens the library once a process; another path later is refused, because two runtimes in one process share state.
    static func open(_ settings: OpenVINOSettings) throws(InferenceError) -> OpenVINOLibrary {
        try opened.withLock { (opened) throws(InferenceError) -> OpenVINOLibrary in
            if let (path, library) = opened {
                guard path == settings.libraryPath else {
                    throw .libraryUnusable(path: settings.libraryPath, reason: "this process already uses \(path)")
                }
                return library
            }
            let library = try OpenVINOLibrary(settings)
            opened = (settings.libraryPath, library)
            return library
        }
    }

    private static let opened = Mutex<(path: String, library: OpenVINOLibrary)?>(nil)

    private init(_ settings: OpenVINOSettings) throws(InferenceError) {
        var api = sluice_openvino()
        // The real path: libraries find their neighbours by the folder they were opened from.
        guard let real = realpath(settings.libraryPath, nil) else {
            throw .libraryUnusable(path: settings.libraryPath, reason: "there is no such file")
        }
        defer { free(real) }
        if let reason = sluice_openvino_load(real, &api) {
            throw .libraryUnusable(path: settings.libraryPath, reason: String(cString: reason))
        }
        var core: OpaquePointer?
        guard api.ov_core_create(&core) == OK, let core else {
            throw .libraryUnusable(path: settings.libraryPath, reason: Self.lastError(api))
        }
        guard api.ov_core_add_extension(core, settings.tokenizersPath) == OK else {
            defer { api.ov_core_free(core) }
            throw .libraryUnusable(path: settings.tokenizersPath, reason: Self.lastError(api))
        }
        self.api = api
        self.core = core
    }

    /// Compiles a graph from its files. Blocks, for seconds at worst.
    func compile(
        xml: String,
        bin: String,
        properties: [(String, String)]
    ) throws(InferenceError) -> CompiledGraph {
        var model: OpaquePointer?
        try check(api.ov_core_read_model(core, xml, bin, &model), "read \(xml)")
        return try compile(model, properties)
    }

    /// Compiles a graph whose text is in memory. Blocks.
    func compile(
        graph: String,
        weights: [UInt8],
        properties: [(String, String)]
    ) throws(InferenceError) -> CompiledGraph {
        // OpenVINO's own copy: the graph keeps it as long as it needs it.
        let tensor = try Tensor(self, U8, [weights.count])
        weights.withUnsafeBytes { tensor.bytes.copyMemory(from: $0) }
        var model: OpaquePointer?
        try check(
            api.ov_core_read_model_from_memory_buffer(core, graph, graph.utf8.count, tensor.pointer, &model),
            "read the tokenizer's graph"
        )
        return try compile(model, properties)
    }

    private func compile(
        _ model: OpaquePointer?,
        _ properties: [(String, String)]
    ) throws(InferenceError) -> CompiledGraph {
        defer { api.ov_model_free(model) }
        let strings = properties.map { (strdup($0.0), strdup($0.1)) }
        defer {
            for (key, value) in strings {
                free(key)
                free(value)
            }
        }
        let list = strings.map { ov_property_t(key: UnsafePointer($0.0), value: UnsafeRawPointer($0.1)) }
        var compiled: OpaquePointer?
        try check(
            api.ov_core_compile_model_props(core, model, "CPU", list.count, list, &compiled),
            "compile the model"
        )
        guard let compiled else { throw .runtime(operation: "compile the model", reason: "no model came back") }
        return try CompiledGraph(self, owning: compiled)
    }

    func check(_ status: ov_status_e, _ operation: @autoclosure () -> String) throws(InferenceError) {
        guard status == OK else { throw .runtime(operation: operation(), reason: Self.lastError(api)) }
    }

    /// The calling thread's last message, its first line. Frees what the library allocated.
    private static func lastError(_ api: sluice_openvino) -> String {
        guard let message = api.ov_get_last_err_msg() else { return "no reason was given" }
        defer { api.ov_free(message) }
        let lines = String(cString: message).split(separator: "\n")
        return lines.prefix(3).joined(separator: " ").trimmed(to: 400)
    }
}

extension String {
    fileprivate func trimmed(to limit: Int) -> String { String(unicodeScalars.prefix(limit)) }
}
