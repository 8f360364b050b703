import SluiceCore
import SluiceDocuments

/// What `sluicebench split` prints. Megabytes are 10⁶ bytes of UTF-8, on one core.
struct SplitBenchResult: Encodable {
    /// The default configuration on English prose.
    var mb_per_s: Double
    /// LangChain's defaults (`"\n\n"`, `"\n"`, `" "`, `""`) on the same text.
    var langchain_mb_per_s: Double
    /// The default configuration on Chinese without spaces, cut mark by mark.
    var cjk_mb_per_s: Double
    /// Text on one line, which is cut at its sentences and words.
    var single_line_mb_per_s: Double
}

/// Splits made-up texts of `bytes` bytes again and again; medians of `repeats`.
func splitBench(bytes: Int = 8 << 20, repeats: Int = 5) -> SplitBenchResult {
    let words = [
        "the", "document", "of", "retention", "shall", "be", "reviewed", "annually", "and", "records", "kept", "for",
    ]
    var prose = ""
    var line = ""
    var count = 0
    while prose.utf8.count < bytes {
        let word = words[count * 7 % words.count]
        count += 1
        let ending = count % 410 == 0 ? ".\n\n" : count % 14 == 0 ? ".\n" : count % 9 == 0 ? ". " : " "
        prose += word + ending
        line += word + (count % 9 == 0 ? ". " : " ")
    }
    let chinese = String(repeating: "水库的检查记录应当每年复核一次并且长期保存，不得遗失。", count: bytes / 81)
    func rate(_ text: String, _ configuration: SplitterConfiguration) -> Double {
        let document = ExtractedText(
            text: text,
            pageStarts: [0],
            metadata: DocumentMetadata(mediaType: "application/pdf", pageCount: 1)
        )
        let chunker = Chunker(configuration: configuration)
        var times: [Duration] = []
        for _ in 0...repeats {
            times.append(ContinuousClock().measure { precondition(!chunker.chunk(document).isEmpty) })
        }
        // The first one warms up.
        return Double(text.utf8.count) / 1e6 / times.dropFirst().sorted()[repeats / 2].inSeconds
    }
    let langChain = try? SplitterConfiguration(chunkSize: 1_000, overlap: 100)
    return SplitBenchResult(
        mb_per_s: rate(prose, .standard),
        langchain_mb_per_s: rate(prose, langChain ?? .standard),
        cjk_mb_per_s: rate(chinese, .standard),
        single_line_mb_per_s: rate(line, .standard)
    )
}
