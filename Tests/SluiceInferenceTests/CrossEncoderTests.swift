import FoundationEssentials
import SluiceInference
import Testing

/// A tiny cross-encoder in OpenVINO's XML form, beside the real tokenizer: a pair's score is the sum of its second text's tokens' numbers.
private struct SyntheticCrossEncoder: ~Copyable {
    let path: String

    init(maxTokens: Int, number: (Int) -> Float) throws {
        path = FileManager.default.temporaryDirectory.path + "/sluice-cross-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let vocabulary = 30_522
        // The axes of the look-up, 0, and of the sum, 1, stand behind the table.
        let data =
            (0..<vocabulary).map(number).withUnsafeBytes { Data($0) } + Data(count: 8)
            + withUnsafeBytes(of: Int64(1).littleEndian) { Data($0) }
        try data.write(to: URL(filePath: path + "/openvino_model.bin"))
        try Data(Self.graph(vocabulary).utf8).write(to: URL(filePath: path + "/openvino_model.xml"))
        try Data(#"{"model_max_length": \#(maxTokens)}"#.utf8).write(to: URL(filePath: path + "/tokenizer_config.json"))
        try Data(#"{"hidden_size": 4, "_name_or_path": "cross"}"#.utf8).write(to: URL(filePath: path + "/config.json"))
        let real = try ModelUnderTest.directory(.float32)
        for file in ["openvino_tokenizer.xml", "openvino_tokenizer.bin"] {
            try FileManager.default.copyItem(atPath: "\(real)/\(file)", toPath: "\(path)/\(file)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static func graph(_ vocabulary: Int) -> String {
        let open = "<dim>-1</dim><dim>-1</dim>"
        func parameter(_ id: Int, _ name: String) -> String {
            """
            <layer id="\(id)" name="\(name)" type="Parameter" version="opset1"><data shape="?,?" element_type="i64"/>
            <output><port id="0" precision="I64" names="\(name)">\(open)</port></output></layer>
            """
        }
        func convert(_ id: Int, _ name: String) -> String {
            """
            <layer id="\(id)" name="\(name)" type="Convert" version="opset1"><data destination_type="f32"/>
            <input><port id="0" precision="I64">\(open)</port></input>
            <output><port id="1" precision="FP32" names="\(name)">\(open)</port></output></layer>
            """
        }
        return """
            <?xml version="1.0"?><net name="cross" version="11"><layers>
            \(parameter(0, "input_ids"))\(parameter(1, "attention_mask"))\(parameter(2, "token_type_ids"))
            <layer id="3" name="table" type="Const" version="opset1">
            <data element_type="f32" shape="\(vocabulary)" offset="0" size="\(vocabulary * 4)"/>
            <output><port id="0" precision="FP32"><dim>\(vocabulary)</dim></port></output></layer>
            <layer id="4" name="axis" type="Const" version="opset1">
            <data element_type="i64" shape="" offset="\(vocabulary * 4)" size="8"/><output><port id="0" precision="I64"/></output></layer>
            <layer id="5" name="look" type="Gather" version="opset8"><data batch_dims="0"/>
            <input><port id="0" precision="FP32"><dim>\(vocabulary)</dim></port>
            <port id="1" precision="I64">\(open)</port><port id="2" precision="I64"/></input>
            <output><port id="3" precision="FP32">\(open)</port></output></layer>
            \(convert(6, "types"))
            <layer id="7" name="second" type="Multiply" version="opset1"><data auto_broadcast="numpy"/>
            <input><port id="0" precision="FP32">\(open)</port><port id="1" precision="FP32">\(open)</port></input>
            <output><port id="2" precision="FP32">\(open)</port></output></layer>
            <layer id="8" name="sumaxis" type="Const" version="opset1">
            <data element_type="i64" shape="1" offset="\(vocabulary * 4 + 8)" size="8"/>
            <output><port id="0" precision="I64"><dim>1</dim></port></output></layer>
            <layer id="9" name="sum" type="ReduceSum" version="opset1"><data keep_dims="true"/>
            <input><port id="0" precision="FP32">\(open)</port><port id="1" precision="I64"><dim>1</dim></port></input>
            <output><port id="2" precision="FP32" names="logits"><dim>-1</dim><dim>1</dim></port></output></layer>
            <layer id="10" name="out" type="Result" version="opset1">
            <input><port id="0" precision="FP32"><dim>-1</dim><dim>1</dim></port></input></layer>
            \(convert(11, "mask"))
            <layer id="12" name="out2" type="Result" version="opset1">
            <input><port id="0" precision="FP32">\(open)</port></input></layer>
            </layers><edges>
            <edge from-layer="3" from-port="0" to-layer="5" to-port="0"/>
            <edge from-layer="0" from-port="0" to-layer="5" to-port="1"/>
            <edge from-layer="4" from-port="0" to-layer="5" to-port="2"/>
            <edge from-layer="2" from-port="0" to-layer="6" to-port="0"/>
            <edge from-layer="5" from-port="3" to-layer="7" to-port="0"/>
            <edge from-layer="6" from-port="1" to-layer="7" to-port="1"/>
            <edge from-layer="7" from-port="2" to-layer="9" to-port="0"/>
            <edge from-layer="8" from-port="0" to-layer="9" to-port="1"/>
            <edge from-layer="9" from-port="2" to-layer="10" to-port="0"/>
            <edge from-layer="1" from-port="0" to-layer="11" to-port="0"/>
            <edge from-layer="11" from-port="1" to-layer="12" to-port="0"/>
            </edges></net>
            """
    }
}

@Suite("Cross-encoder", .enabled(if: ModelUnderTest.isWanted), .timeLimit(.minutes(2)))
struct CrossEncoderTests {
    private static func settings() throws -> OpenVINOSettings {
        try OpenVINOSettings.fromEnvironment(threads: 1, streams: 1)
    }

    @Test("each passage is judged by its own tokens, in its place, whatever stands beside it")
    func scores() async throws {
        // A passage counts its tokens and the one that ends it.
        let model = try SyntheticCrossEncoder(maxTokens: 64) { $0 == 0 ? 100 : 1 }
        let reranker = try await OpenVINOReranker.load(directory: model.path, settings: try Self.settings())
        let passages = (0..<40).map { [String](repeating: "water", count: ($0 * 17) % 41).joined(separator: " ") }
        let scores = try await reranker.scores("what is wet", passages)
        let expected = (0..<40).map { Float(($0 * 17) % 41 + 1) }
        #expect(scores == expected && reranker.name == "cross")
        let none = try await reranker.scores("what is wet", [])
        #expect(none.isEmpty)
    }

    @Test("what is too long is cut, the question to half of what the model reads")
    func cut() async throws {
        let model = try SyntheticCrossEncoder(maxTokens: 16) { _ in 1 }
        let reranker = try await OpenVINOReranker.load(directory: model.path, settings: try Self.settings())
        let long = [String](repeating: "water", count: 200).joined(separator: " ")
        let short = try await reranker.scores("water", [long, "water"])
        #expect(short == [13, 2])
        let both = try await reranker.scores(long, [long, "water"])
        #expect(both == [8, 2])
    }

    @Test("a model that embeds is none")
    func unusable() async throws {
        let directory = try ModelUnderTest.directory(.float32)
        await #expect(throws: InferenceError.self) {
            try await OpenVINOReranker.load(directory: directory, settings: try Self.settings())
        }
    }
}
