import FoundationEssentials
import Synchronization
import Testing

@testable import SluiceInference

@Suite("Reranker behind HTTP", .timeLimit(.minutes(1)))
struct HTTPRerankerTests {
    private struct Ask: Decodable {
        let query: String
        let texts: [String]
        let truncate: Bool
    }

    /// Scores passages by their length, answers best first as servers do.
    private static func byLength(_ body: String) -> HTTPListener.Reply {
        guard let ask = try? JSONDecoder().decode(Ask.self, from: Data(body.utf8)) else { return .init(status: 400) }
        let scored = ask.texts.enumerated().sorted { $0.element.utf8.count > $1.element.utf8.count }
        let list = scored.map { "{\"index\": \($0.offset), \"score\": \($0.element.utf8.count)}" }
        return .init(body: "[" + list.joined(separator: ",") + "]")
    }

    @Test("passages are asked in parts, and scores come back in their order")
    func order() async throws {
        let seen = Mutex<[(head: String, count: Int)]>([])
        let listener = try HTTPListener { head, body in
            let count = (try? JSONDecoder().decode(Ask.self, from: Data(body.utf8)))?.texts.count ?? -1
            seen.withLock { $0.append((head, count)) }
            return Self.byLength(body)
        }
        let reranker = try HTTPReranker(address: listener.address + "/", key: "s3cret")
        let passages = (0..<70).map { String(repeating: "é\"\n", count: ($0 * 37) % 71) }
        let scores = try await reranker.scores("which \"one\"?", passages)
        let expected = passages.map { Float($0.utf8.count) }
        #expect(scores == expected)
        let asked = seen.withLock(\.self)
        #expect(asked.map(\.count) == [32, 32, 6])
        for request in asked {
            #expect(request.head.hasPrefix("POST /rerank HTTP"))
            #expect(request.head.contains("Authorization: Bearer s3cret"))
        }
        #expect(try await reranker.scores("q", []).isEmpty)
    }

    private static let bad: [(String, HTTPListener.Reply, Bool)] = [
        ("busy", .init(status: 429, body: #"{"error": "SECRET overloaded"}"#), true),
        ("broken", .init(status: 503), true),
        ("too large", .init(status: 413, body: "SECRET"), false), ("unauthorised", .init(status: 401), false),
        ("elsewhere", .init(status: 302, headers: ["Location: http://127.0.0.1:1/rerank"]), false),
        ("no JSON", .init(body: "SECRET"), false), ("too few", .init(body: #"[{"index": 0, "score": 1}]"#), false),
        ("one twice", .init(body: #"[{"index": 0, "score": 1}, {"index": 0, "score": 2}]"#), false),
        ("out of range", .init(body: #"[{"index": 0, "score": 1}, {"index": 7, "score": 2}]"#), false),
        ("endless", .init(body: "[" + String(repeating: " ", count: 5 << 20) + "]"), false),
    ]

    @Test("what is no answer fails, with its reason and without what was sent", arguments: bad)
    func failures(name: String, reply: HTTPListener.Reply, isTransient: Bool) async throws {
        let listener = try HTTPListener { _, _ in reply }
        let reranker = try HTTPReranker(address: listener.address)
        let error = await #expect(throws: InferenceError.self) { try await reranker.scores("SECRET", ["SECRET", "b"]) }
        #expect(error?.isTransient == isTransient, "\(name): \(String(describing: error))")
        #expect(error?.description.contains("SECRET") == false && error?.errorClass == "inference.remote")
    }

    @Test("no answer in time, and nobody there, are failures that may pass")
    func silence() async throws {
        let listener = try HTTPListener { _, _ in .init(isSilent: true) }
        let slow = try HTTPReranker(address: listener.address, timeout: .milliseconds(200))
        let late = await #expect(throws: InferenceError.self) { try await slow.scores("q", ["a"]) }
        #expect(late?.isTransient == true)
        let nobody = try HTTPReranker(address: "http://127.0.0.1:1", timeout: .seconds(2))
        let gone = await #expect(throws: InferenceError.self) { try await nobody.scores("q", ["a"]) }
        #expect(gone?.isTransient == true)
    }

    @Test("a cancelled caller does not wait for the answer")
    func cancelled() async throws {
        let listener = try HTTPListener { _, _ in .init(isSilent: true) }
        let reranker = try HTTPReranker(address: listener.address, timeout: .seconds(50))
        let start = ContinuousClock.now
        let outcome = await withTaskGroup(of: InferenceError?.self) { group in
            group.addTask {
                do throws(InferenceError) {
                    _ = try await reranker.scores("q", ["a"])
                    return nil
                } catch {
                    return error
                }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(outcome == .cancelled && ContinuousClock.now - start < .seconds(20))
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "rerank", "ftp://host/", "file:///etc/passwd", "http://", "http://user:s3cret@host/",
            "HTTPS://user:s3cret@host", "user:s3cret@host", "//user:s3cret@host/", "https://host/?key=s3cret",
            "https://host/rerank#s3cret", "https://:s3cret@host/", "https://host\\@s3cret/", "https://host/ s3cret",
        ]
    )
    func addresses(address: String) {
        let error = #expect(throws: InferenceError.self) { try HTTPReranker(address: address) }
        #expect(error?.description.contains("s3cret") == false && error?.isTransient == false)
    }

    @Test("a server on the same machine is asked without the environment's proxy")
    func here() {
        for name in ["127.0.0.1:80", "127.8.8.8", "localhost", "LOCALHOST:1", "[::1]:8080"] {
            #expect(HTTPPoster.isHere(name), "\(name)")
        }
        for name in ["127.0.0.1.example.com:80", "localhost.example.com", "10.0.0.1:80", "[::2]:80", "host:127", ""] {
            #expect(!HTTPPoster.isHere(name), "\(name)")
        }
    }

    @Test(
        "an address of IPv6 keeps its brackets, and is known as this machine's",
        arguments: [
            ("http://[::1]:8080", "[::1]:8080", true), ("http://[::1]/", "[::1]", true),
            ("https://[2001:db8::1]:8443/rerank", "[2001:db8::1]:8443", false),
            ("http://localhost:80", "localhost:80", true),
        ]
    )
    func brackets(address: String, name: String, isHere: Bool) throws {
        let reranker = try HTTPReranker(address: address)
        #expect(reranker.name == name && HTTPPoster.isHere(reranker.name) == isHere)
    }

    @Test("errors name the server by host and port, and nothing else of its address")
    func display() async throws {
        let reranker = try HTTPReranker(address: "HTTP://127.0.0.1:1/t0ken/path", timeout: .seconds(2))
        #expect(reranker.name == "127.0.0.1:1")
        let error = await #expect(throws: InferenceError.self) { try await reranker.scores("q", ["a"]) }
        #expect(error?.description.contains("t0ken") == false && error?.description.contains("127.0.0.1:1") == true)
    }
}
