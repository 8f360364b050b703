internal import COpenVINO

/// A graph compiled for the processor. Shared by all threads; each makes an `InferRequest` of its own.
// The pointer is written once; OpenVINO documents compiled models as safe to share. The last owner frees it.
final class CompiledGraph: @unchecked Sendable {
    let library: OpenVINOLibrary
    private let pointer: OpaquePointer
    let inputs: [String]
    let outputs: [String]

    init(_ library: OpenVINOLibrary, owning pointer: OpaquePointer) throws(InferenceError) {
        self.library = library
        self.pointer = pointer
        let api = library.api
        do throws(InferenceError) {
            inputs = try Self.names(
                library,
                pointer,
                api.ov_compiled_model_inputs_size,
                api.ov_compiled_model_input_by_index
            )
            outputs = try Self.names(
                library,
                pointer,
                api.ov_compiled_model_outputs_size,
                api.ov_compiled_model_output_by_index
            )
        } catch {
            api.ov_compiled_model_free(pointer)
            throw error
        }
    }

    deinit { library.api.ov_compiled_model_free(pointer) }

    func makeRequest() throws(InferenceError) -> InferRequest {
        var request: OpaquePointer?
        try library.check(library.api.ov_compiled_model_create_infer_request(pointer, &request), "make a request")
        guard let request else { throw .runtime(operation: "make a request", reason: "none came back") }
        return InferRequest(self, owning: request)
    }

    /// What the runtime made of a property; nil when it does not know it.
    func property(_ name: String) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard library.api.ov_compiled_model_get_property(pointer, name, &value) == OK, let value else { return nil }
        defer { library.api.ov_free(value) }
        return String(cString: value)
    }

    private typealias Size = @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int>?) -> ov_status_e
    private typealias Port =
        @convention(c) (
            OpaquePointer?, Int, UnsafeMutablePointer<OpaquePointer?>?
        ) -> ov_status_e

    private static func names(
        _ library: OpenVINOLibrary,
        _ model: OpaquePointer,
        _ size: Size?,
        _ port: Port?
    ) throws(InferenceError) -> [String] {
        guard let size, let port else { return [] }
        var count = 0
        try library.check(size(model, &count), "count the model's inputs")
        var names: [String] = []
        for index in 0..<count {
            var handle: OpaquePointer?
            try library.check(port(model, index, &handle), "look at the model's inputs")
            defer { library.api.ov_output_const_port_free(handle) }
            var name: UnsafeMutablePointer<CChar>?
            try library.check(library.api.ov_port_get_any_name(handle, &name), "name the model's inputs")
            defer { library.api.ov_free(name) }
            if let name { names.append(String(cString: name)) }
        }
        return names
    }
}

/// One place to run a graph in. Belongs to one thread at a time.
final class InferRequest {
    private let graph: CompiledGraph
    private let pointer: OpaquePointer

    fileprivate init(_ graph: CompiledGraph, owning pointer: OpaquePointer) {
        self.graph = graph
        self.pointer = pointer
    }

    deinit { graph.library.api.ov_infer_request_free(pointer) }

    func set(_ name: String, _ tensor: borrowing Tensor) throws(InferenceError) {
        try graph.library.check(
            graph.library.api.ov_infer_request_set_tensor(pointer, name, tensor.pointer),
            "set the input \(name)"
        )
    }

    /// Computes. Blocks until the result is there.
    func run() throws(InferenceError) {
        try graph.library.check(graph.library.api.ov_infer_request_infer(pointer), "run the model")
    }

    func output(_ name: String) throws(InferenceError) -> Tensor {
        var tensor: OpaquePointer?
        try graph.library.check(
            graph.library.api.ov_infer_request_get_tensor(pointer, name, &tensor),
            "get the output \(name)"
        )
        guard let tensor else { throw .runtime(operation: "get the output \(name)", reason: "none came back") }
        return try Tensor(graph.library, owning: tensor)
    }
}
