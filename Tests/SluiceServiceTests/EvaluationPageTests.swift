import SluiceCore
import SluiceDocuments
import SluiceSearch
import SluiceService
import Testing

@Suite("The page of an evaluation")
struct EvaluationPageTests {
    private func examination(_ measured: GateMeasurements, other: Bool = true) -> Examination {
        func version(_ number: Int, _ model: String) -> GateSubject.Version {
            .init(
                id: IndexVersionID(rawValue: Int64(number)),
                number: number,
                model: ModelIdentity(fingerprint: model, dimension: 8),
                chunker: "recursive/1"
            )
        }
        let subject = GateSubject(
            index: IndexID(rawValue: 1),
            name: .default,
            version: version(2, "<script>alert('m')</script>"),
            other: other ? version(1, "old") : nil,
            epoch: 4
        )
        return Examination(
            run: 17,
            subject: subject,
            kind: .gates,
            measurements: measured,
            gates: GateJudge(subject, GateThresholds()).gates(measured),
            thresholds: GateThresholds(),
            seed: 5,
            duration: .milliseconds(1_500)
        )
    }

    private var measured: GateMeasurements {
        var measured = GateMeasurements(
            structure: StructureFacts(
                seesAllTenants: true,
                tenants: [.init(tenant: .default, chunks: 10, covered: 10)],
                vectors: 10,
                strays: 0,
                unsound: 0,
                cacheCompared: 0,
                cacheDiffering: 0,
                isIndexValid: true
            )
        )
        measured.recall = (0..<200).map {
            .init(tenant: .default, right: $0 % 2 == 0 ? 10 : 9, wanted: 10, isExact: false)
        }
        measured.latency = (1...100).map(Double.init)
        measured.otherLatency = (2...101).map(Double.init)
        measured.overlap = [1, 0.9, .nan]
        measured.golden = .value(
            (0..<40).map { _ in
                QualitySample(
                    slice: "<b>\"billing\" & 'dues'</b>",
                    version: .init(ndcg: 0.8, reciprocalRank: 0.7),
                    other: .init(ndcg: 0.75, reciprocalRank: 0.72)
                )
            }
        )
        return measured
    }

    @Test("it shows every gate and all charts, needs nothing from elsewhere, and no text escapes into it")
    func whole() {
        let page = EvaluationPage(examination(measured), at: "2026-01-02T03:04:05Z").html()
        for name in GateName.allCases { #expect(page.contains("<td>\(name.rawValue)</td>")) }
        #expect(page.contains(">INCONCLUSIVE<") || page.contains(">NO-GO<"))
        #expect(page.components(of: "<svg") == 5 && page.components(of: "</svg>") == 5)
        #expect(!page.contains("<script") && !page.contains("<b>") && !page.contains("&amp;lt;"))
        #expect(page.contains("&lt;script&gt;alert(&#39;m&#39;)&lt;/script&gt;"))
        #expect(page.contains("default-src 'none'"))
        let places = page.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(
            !places.contains("http:") && !places.contains("https:") && !places.contains("src=")
                && !places.contains("url(")
        )
        #expect(!page.contains(">nan") && !page.contains("\"nan") && !page.contains("\"inf"))
        for tag in ["figure", "table", "tr", "td", "text", "title", "body", "html", "div"] {
            #expect(
                page.components(of: "<\(tag)>") + page.components(of: "<\(tag) ") == page.components(of: "</\(tag)>"),
                "\(tag)"
            )
        }
    }

    @Test("what was not measured has no chart")
    func empty() {
        let nothing = GateMeasurements(structure: measured.structure)
        let page = EvaluationPage(examination(nothing, other: false), at: "").html()
        #expect(!page.contains("<svg") && page.contains("no other version") && page.contains(">INCONCLUSIVE<"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
