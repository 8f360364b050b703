internal import COpenVINO

/// An OpenVINO tensor and its memory; freed with the value.
struct Tensor: ~Copyable {
    let pointer: OpaquePointer
    let shape: [Int]
    private let library: OpenVINOLibrary

    /// A tensor with memory of its own, not initialised.
    init(_ library: OpenVINOLibrary, _ type: ov_element_type_e, _ shape: [Int]) throws(InferenceError) {
        var pointer: OpaquePointer?
        var dimensions = shape.map(Int64.init)
        let status = dimensions.withUnsafeMutableBufferPointer { dimensions in
            library.api.ov_tensor_create(
                type,
                ov_shape_t(rank: Int64(dimensions.count), dims: dimensions.baseAddress),
                &pointer
            )
        }
        try library.check(status, "make a tensor")
        guard let pointer else { throw .runtime(operation: "make a tensor", reason: "none came back") }
        self.pointer = pointer
        self.shape = shape
        self.library = library
    }

    /// Texts without U+0000, one an element. The library copies them.
    init(_ library: OpenVINOLibrary, texts: [String]) throws(InferenceError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(texts.reduce(0) { $0 + $1.utf8.count + 1 })
        var starts: [Int] = []
        for text in texts {
            starts.append(bytes.count)
            // A zero byte would end the text early; tokenizers drop it anyway.
            bytes += text.utf8.contains(0) ? Array(text.utf8.filter { $0 != 0 }) : Array(text.utf8)
            bytes.append(0)
        }
        var pointer: OpaquePointer?
        var dimension = Int64(texts.count)
        let status = withUnsafeMutablePointer(to: &dimension) { dimension in
            bytes.withUnsafeBytes { bytes in
                var strings: [UnsafePointer<CChar>?] = starts.map {
                    bytes.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self)
                }
                return library.api.ov_tensor_create_from_string_array(
                    &strings,
                    strings.count,
                    ov_shape_t(rank: 1, dims: dimension),
                    &pointer
                )
            }
        }
        try library.check(status, "make a tensor of texts")
        guard let pointer else { throw .runtime(operation: "make a tensor of texts", reason: "none came back") }
        self.pointer = pointer
        self.shape = [texts.count]
        self.library = library
    }

    init(_ library: OpenVINOLibrary, owning pointer: OpaquePointer) throws(InferenceError) {
        var shape = ov_shape_t()
        let status = library.api.ov_tensor_get_shape(pointer, &shape)
        if status != OK { library.api.ov_tensor_free(pointer) }
        try library.check(status, "get a tensor's shape")
        self.shape = (0..<Int(shape.rank)).map { Int(shape.dims[$0]) }
        _ = library.api.ov_shape_free(&shape)
        self.pointer = pointer
        self.library = library
    }

    deinit { library.api.ov_tensor_free(pointer) }

    var count: Int { shape.reduce(1, *) }

    var elementType: ov_element_type_e {
        var type = DYNAMIC
        return library.api.ov_tensor_get_element_type(pointer, &type) == OK ? type : DYNAMIC
    }

    /// The memory of a `U8` tensor.
    var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(values(UInt8.self)) }

    /// The memory; valid as long as the tensor. `Element` must be what the tensor holds.
    func values<Element: BitwiseCopyable>(_: Element.Type) -> UnsafeMutableBufferPointer<Element> {
        var data: UnsafeMutableRawPointer?
        guard count > 0, library.api.ov_tensor_data(pointer, &data) == OK else {
            return UnsafeMutableBufferPointer(start: nil, count: 0)
        }
        return UnsafeMutableBufferPointer(start: data?.assumingMemoryBound(to: Element.self), count: count)
    }
}
