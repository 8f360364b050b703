import FoundationEssentials
import SluiceInference

/// A tiny encoder in OpenVINO's XML form, beside the real tokenizer: token ids look up rows of a table, which come out as
/// `last_hidden_state` [n, t, h], as Optimum exports models. Every number can be worked out by hand.
struct SyntheticModel: ~Copyable {
    let path: String

    /// - Parameter row: the vector of a token id; ids up to 30,521 occur.
    init(
        pooling: String,
        dimension: Int = 4,
        declared: Int = 4,
        truncatingAt limit: Int32? = nil,
        row: (Int) -> [Float]
    ) throws {
        path = FileManager.default.temporaryDirectory.path + "/sluice-model-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/1_Pooling", withIntermediateDirectories: true)
        try write("1_Pooling/config.json", #"{"word_embedding_dimension": \#(declared), \#(pooling)}"#)
        try write("tokenizer_config.json", #"{"model_max_length": 64}"#)
        try write("config.json", #"{"hidden_size": \#(declared), "_name_or_path": "synthetic"}"#)
        let vocabulary = 30_522
        let table = (0..<vocabulary).flatMap(row)
        // The axis of the look-up, 0, stands behind the table.
        let data = table.withUnsafeBytes { Data($0) } + Data(count: 4)
        try data.write(to: URL(filePath: path + "/openvino_model.bin"))
        try write("openvino_model.xml", Self.graph(vocabulary, dimension))

        let real = try ModelUnderTest.directory(.float32)
        var weights = try Data(contentsOf: URL(filePath: real + "/openvino_tokenizer.bin"))
        var words = String(
            decoding: try Data(contentsOf: URL(filePath: real + "/openvino_tokenizer.xml")),
            as: UTF8.self
        )
        if let limit { (words, weights) = Self.truncating(words, weights, at: limit) }
        try weights.write(to: URL(filePath: path + "/openvino_tokenizer.bin"))
        try write("openvino_tokenizer.xml", words)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func write(_ file: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(file)"))
    }

    private static func graph(_ vocabulary: Int, _ dimension: Int) -> String {
        func parameter(_ id: Int, _ name: String) -> String {
            """
            <layer id="\(id)" name="\(name)" type="Parameter" version="opset1"><data shape="?,?" element_type="i64"/>
            <output><port id="0" precision="I64" names="\(name)"><dim>-1</dim><dim>-1</dim></port></output></layer>
            """
        }
        return """
            <?xml version="1.0"?><net name="synthetic" version="11"><layers>
            \(parameter(0, "input_ids"))\(parameter(1, "attention_mask"))\(parameter(2, "token_type_ids"))
            <layer id="3" name="table" type="Const" version="opset1">
            <data element_type="f32" shape="\(vocabulary), \(dimension)" offset="0" size="\(vocabulary * dimension * 4)"/>
            <output><port id="0" precision="FP32"><dim>\(vocabulary)</dim><dim>\(dimension)</dim></port></output></layer>
            <layer id="4" name="axis" type="Const" version="opset1">
            <data element_type="i32" shape="" offset="\(vocabulary * dimension * 4)" size="4"/><output><port id="0" precision="I32"/></output></layer>
            <layer id="5" name="look" type="Gather" version="opset8"><data batch_dims="0"/>
            <input><port id="0" precision="FP32"><dim>\(vocabulary)</dim><dim>\(dimension)</dim></port>
            <port id="1" precision="I64"><dim>-1</dim><dim>-1</dim></port><port id="2" precision="I32"/></input>
            <output><port id="3" precision="FP32" names="last_hidden_state"><dim>-1</dim><dim>-1</dim>
            <dim>\(dimension)</dim></port></output></layer>
            <layer id="6" name="out" type="Result" version="opset1">
            <input><port id="0" precision="FP32"><dim>-1</dim><dim>-1</dim><dim>\(dimension)</dim></port></input></layer>
            <layer id="7" name="m" type="Convert" version="opset1"><data destination_type="f32"/>
            <input><port id="0" precision="I64"><dim>-1</dim><dim>-1</dim></port></input>
            <output><port id="1" precision="FP32" names="mask_out"><dim>-1</dim><dim>-1</dim></port></output></layer>
            <layer id="8" name="out2" type="Result" version="opset1">
            <input><port id="0" precision="FP32"><dim>-1</dim><dim>-1</dim></port></input></layer>
            <layer id="9" name="s" type="Convert" version="opset1"><data destination_type="f32"/>
            <input><port id="0" precision="I64"><dim>-1</dim><dim>-1</dim></port></input>
            <output><port id="1" precision="FP32" names="types_out"><dim>-1</dim><dim>-1</dim></port></output></layer>
            <layer id="10" name="out3" type="Result" version="opset1">
            <input><port id="0" precision="FP32"><dim>-1</dim><dim>-1</dim></port></input></layer>
            </layers><edges>
            <edge from-layer="3" from-port="0" to-layer="5" to-port="0"/>
            <edge from-layer="0" from-port="0" to-layer="5" to-port="1"/>
            <edge from-layer="4" from-port="0" to-layer="5" to-port="2"/>
            <edge from-layer="5" from-port="3" to-layer="6" to-port="0"/>
            <edge from-layer="1" from-port="0" to-layer="7" to-port="0"/>
            <edge from-layer="7" from-port="1" to-layer="8" to-port="0"/>
            <edge from-layer="2" from-port="0" to-layer="9" to-port="0"/>
            <edge from-layer="9" from-port="1" to-layer="10" to-port="0"/>
            </edges></net>
            """
    }

    /// The tokenizer with a `Truncate` operation after its word pieces, as Optimum's exports have it.
    private static func truncating(_ xml: String, _ weights: Data, at limit: Int32) -> (String, Data) {
        var weights = weights
        func append(_ bytes: some Sequence<UInt8>) -> Int {
            while weights.count % 64 != 0 { weights.append(0) }
            defer { weights.append(contentsOf: bytes) }
            return weights.count
        }
        func constant(_ id: Int, _ type: String, _ shape: String, _ size: Int, _ offset: Int) -> String {
            """
            <layer id="\(id)" name="c\(id)" type="Const" version="opset1"><data element_type="\(type)" shape="\(shape)" \
            offset="\(offset)" size="\(size)"/><output><port id="0" precision="\(type.uppercased())"/></output></layer>
            """
        }
        let limits = append(withUnsafeBytes(of: limit.littleEndian, Array.init))
        let side = append("right".utf8)
        let mode = append("longest_first".utf8)
        let inputs = (0..<6).map { "<port id=\"\($0)\" precision=\"\($0 < 4 ? "I32" : "U8")\"/>" }.joined()
        let layers =
            constant(900, "i32", "", 4, limits) + constant(901, "u8", "5", 5, side)
            + constant(902, "u8", "13", 13, mode)
            + "<layer id=\"903\" name=\"cut\" type=\"Truncate\" version=\"extension\"><data m_num_inputs=\"1\"/><input>"
            + inputs + "</input><output><port id=\"6\" precision=\"I32\"/><port id=\"7\" precision=\"I32\"/>"
            + "<port id=\"8\" precision=\"I32\"/></output></layer>"
        var edges = ""
        var text = xml
        // The word pieces' three outputs go through it.
        let pieces = xml.split(separator: "<").first { $0.contains("type=\"WordpieceTokenizer\"") } ?? ""
        let id = pieces.split(separator: "\"").dropFirst().first ?? ""
        for (port, output) in [9, 10, 11].enumerated() {
            let source = "from-layer=\"\(id)\" from-port=\"\(output)\""
            text = text.split(separator: source).joined(separator: "from-layer=\"903\" from-port=\"\(6 + port)\"")
            edges += "<edge \(source) to-layer=\"903\" to-port=\"\(port)\"/>"
        }
        for (port, constant) in [900, 901, 902].enumerated() {
            edges += "<edge from-layer=\"\(constant)\" from-port=\"0\" to-layer=\"903\" to-port=\"\(3 + port)\"/>"
        }
        text = text.split(separator: "</layers>").joined(separator: layers + "</layers>")
        text = text.split(separator: "</edges>").joined(separator: edges + "</edges>")
        return (text, weights)
    }
}
