import FoundationEssentials

/// What `ingest --wait --json` ends with.
struct IngestReport: Decodable {
    let batch: String
    let documents: [String: Int]
    let pages: Int
    let chunks: Int
    let embedded: Int
    let cached: Int
    let seconds: Double
}

/// What `search --json` gives.
struct SearchReport: Decodable {
    struct Hit: Decodable {
        let rank: Int
        let score: Double
        let document: String
        let uri: String
        let title: String?
        let pageFrom: Int?
        let pageTo: Int?
        let charFrom: Int
        let charTo: Int
        let text: String
    }

    let index: String
    let version: Int
    let hits: [Hit]
}

/// The parts of `status --json` that tests look at.
struct StatusReport: Decodable {
    struct Queue: Decodable {
        let name: String
        let ready: Int?
        let running: Int?
        let scheduled: Int?
        let retryable: Int?
        let dead: Int?
    }

    struct Worker: Decodable {
        let id: String
        let state: String
        let pid: Int
    }

    struct Coordinator: Decodable {
        let leader: String?
        let term: Int?
        let standbys: Int?
    }

    struct Server: Decodable { let reachable: Bool }

    let schema: String
    let verdict: String
    let reasons: [String]
    let queues: [Queue]
    let workers: [Worker]
    let coordinator: Coordinator
    let postgres: Server
    let redis: Server
}

func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let line = text.split(whereSeparator: \.isNewline).last ?? ""
    return try decoder.decode(type, from: Data(line.utf8))
}
