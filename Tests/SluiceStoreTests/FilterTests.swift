import FoundationEssentials
import SluiceCore
import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Filters")
struct FilterTests {
    private func decoded(_ json: String) throws -> Filter {
        try JSONDecoder().decode(Filter.self, from: Data(json.utf8))
    }

    @Test("the JSON form is read as documented")
    func forms() throws {
        #expect(try decoded(#"{"field": "year", "is": 2026}"#) == .field("year", .among([.integer(2026)])))
        #expect(try decoded(#"{"field": "x", "in": ["a", true]}"#) == .field("x", .among([.string("a"), .bool(true)])))
        #expect(
            try decoded(#"{"field": "x", "from": 1, "below": 2.5}"#)
                == .field("x", .range(.init(from: .integer(1), below: .number(2.5))))
        )
        #expect(
            try decoded(#"{"all": [{"tags_any": ["a"]}, {"not": {"attribute": "title", "exists": true}}]}"#)
                == .all([.tagsAny(["a"]), .not(.attribute(.title, .exists(true)))])
        )
        #expect(
            try decoded(#"{"any": [{"tags_all": []}, {"attribute": "modified", "from": "2026-03-01"}]}"#)
                == .any([.tagsAll([]), .attribute(.modified, .range(.init(from: .string("2026-03-01"))))])
        )
    }

    @Test(
        "what is none, or too much, is refused",
        arguments: [
            "{}", "[]", "3", #"{"field": "x"}"#, #"{"field": "x", "is": null}"#, #"{"field": "x", "is": {"a": 1}}"#,
            #"{"field": "", "is": 1}"#, #"{"field": "x", "is": 1, "in": [1]}"#,
            #"{"field": "x", "from": 1, "to": "b"}"#,
            #"{"field": "x", "from": true}"#, #"{"field": "x", "is": 1, "all": []}"#, #"{"all": [], "any": []}"#,
            #"{"field": "x", "equals": 1}"#, #"{"attribute": "colour", "is": "red"}"#,
            #"{"attribute": "pages", "is": "3"}"#,
            #"{"attribute": "created", "from": "2026-13-01"}"#, #"{"attribute": "created", "from": 2026}"#,
            #"{"attribute": "uri", "is": 3}"#, #"{"tags_any": ["a\u0000"]}"#, #"{"all": [], "is": 3}"#,
            #"{"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"all": []}}}}}}}}}"#,
            #"{"all": ["# + [String](repeating: #"{"all": []}"#, count: 64).joined(separator: ",") + "]}",
            #"{"field": "x", "in": ["# + [String](repeating: "1", count: 2_001).joined(separator: ",") + "]}",
            #"{"field": "x", "is": ""# + String(repeating: "a", count: 1_025) + #""}"#,
        ]
    )
    func refusals(json: String) {
        #expect(throws: DecodingError.self) { try decoded(json) }
    }

    @Test("any filter comes back from its JSON form, and a hostile depth does not overflow")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<400 {
            let filter = RandomFilters.tree(&random)
            let json = try JSONEncoder().encode(filter)
            #expect(try JSONDecoder().decode(Filter.self, from: json) == filter)
        }
        let deep = String(repeating: #"{"not":"#, count: 300) + #"{"all":[]}"# + String(repeating: "}", count: 300)
        #expect(throws: (any Error).self) { try decoded(deep) }
    }

    @Test(
        "points in time are read as RFC 3339 has them",
        arguments: [
            ("1970-01-01", 0), ("2026-03-01", 1_772_323_200), ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-03-01T12:30:00.25+01:00", 1_772_364_600.25), ("1969-12-31T19:00:00-05:00", 0),
            ("0001-01-01", -62_135_596_800), ("2026-03-01 00:00Z", 1_772_323_200),
        ] as [(String, Double)]
    )
    func moments(text: String, seconds: Double) {
        #expect(PointInTime.seconds(text) == seconds)
    }

    @Test(
        "and nothing else is",
        arguments: [
            "", "2026", "2026-3-1", "2026-02-29", "2026-04-31", "2026-03-01T", "2026-03-01T24:00Z", "2026-03-01T10:00",
            "2026-03-01T10:00:60Z", "2026-03-01x", "0000-01-01", "2026-03-01T10:00:00.Z", "2026-03-01T10:00+1:00",
        ]
    )
    func noMoments(text: String) { #expect(PointInTime.seconds(text) == nil) }

    @Test("facets never lose a document that matches")
    func facets() {
        var random = SeededGenerator(seed: 12)
        for _ in 0..<5_000 {
            let filter = RandomFilters.tree(&random)
            let facts = RandomFilters.facts(&random)
            guard filter.matches(facts) else { continue }
            let known = facts.facets
            #expect(filter.facets.allSatisfy { list in list.contains(where: known.contains) }, "\(filter) \(facts)")
        }
    }

    @Test("where facets decide, whoever has one of each list matches")
    func decided() {
        var random = SeededGenerator(seed: 12)
        var seen = 0
        for _ in 0..<4_000 {
            let (filter, facts) = (RandomFilters.tree(&random), RandomFilters.facts(&random))
            guard filter.isDecidedByFacets else { continue }
            let known = facts.facets
            let hasOneOfEach = filter.facets.allSatisfy { $0.contains(where: known.contains) }
            #expect(hasOneOfEach == filter.matches(facts), "\(filter) \(facts)")
            seen += 1
        }
        #expect(seen > 400)
    }

    @Test("a scan keeps the more candidates the more vectors there are and the more is wanted")
    func effort() {
        var request = SearchRequest(text: "any", mode: .dense)
        #expect(SearchEffort.candidates(for: request, vectors: nil) == 165)
        #expect(SearchEffort.candidates(for: request, vectors: 100_000) == 165)
        #expect(SearchEffort.candidates(for: request, vectors: 1_000_000) == 521)
        #expect(SearchEffort.candidates(for: request, vectors: 1_000_000_000) == 1_000)
        request.principals = []
        #expect(SearchEffort.candidates(for: request, vectors: nil) == 600)
        #expect(SearchEffort.candidates(for: request, vectors: 1_000_000) == 790)
        request.count = 400
        #expect(SearchEffort.candidates(for: request, vectors: 0) == 800)
        request = SearchRequest(text: "any", mode: .hybrid)
        #expect(SearchEffort.candidates(for: request, vectors: nil) == 200)
        request.principals = []
        #expect(SearchEffort.candidates(for: request, vectors: nil) == 1_000)
    }

    @Test("chunks that follow each other are looked up as one run")
    func runs() {
        #expect(ChunkRuns([]).isEmpty)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let numbers = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                Int64.random(in: 1...80, using: &random)
            }
            let runs = ChunkRuns(numbers.map(ChunkID.init(rawValue:)))
            let met = zip(runs.first, runs.last).flatMap { Array($0...$1) }
            #expect(met == Set(numbers).sorted())
            #expect(zip(runs.last, runs.first.dropFirst()).allSatisfy { $0 + 1 < $1 })
        }
        let most = ChunkRuns([ChunkID(rawValue: .max), ChunkID(rawValue: .max - 1)])
        #expect(most.first == [.max - 1] && most.last == [.max])
    }

    @Test("comparing each is worth it for few matches, for more where more is wanted or the index is larger")
    func bound() {
        #expect(MatchingBound.chunks(wanted: 10, vectors: nil) == 4_000)
        #expect(MatchingBound.chunks(wanted: 10, vectors: 0) == 1_000)
        #expect(MatchingBound.chunks(wanted: 10, vectors: 1_000_000) == 17_888)
        #expect(MatchingBound.chunks(wanted: 10, vectors: 200_000) == 8_000)
        #expect(MatchingBound.chunks(wanted: 1_000, vectors: 100_000_000) == 20_000)
        // Where they are long, few documents have as many chunks; too few is never said of short ones.
        #expect(MatchingBound.documents(chunks: 8_000, each: nil) == 8_000)
        #expect(MatchingBound.documents(chunks: 8_000, each: 1.5) == 8_000)
        #expect(MatchingBound.documents(chunks: 8_000, each: 10) == 1_000)
        #expect(MatchingBound.documents(chunks: 8_000, each: 500) == 500)
        #expect(MatchingBound.documents(chunks: 400, each: 500) == 400)
    }
}
