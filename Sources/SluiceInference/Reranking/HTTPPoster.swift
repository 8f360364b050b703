internal import CLibCurl
internal import SluiceSystem
internal import Synchronization

/// Posts to one address with libcurl, one request at a time, on a thread of its own. Follows no redirect: what is sent is for the
/// address that was configured.
struct HTTPPoster: Sendable {
    struct Limits: Sendable {
        var connect = Duration.seconds(3)
        var total = Duration.seconds(30)
        var responseBytes = 4 << 20
    }

    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    private let handle: Pinned<CurlHandle>
    private let address: String
    private let name: String
    private let headers: [String]
    private let limits: Limits

    /// - Parameters:
    ///   - address: never shown: it may hold what is not for logs.
    ///   - name: of the server, in errors.
    ///   - headers: `Name: value`, sent with each request and never shown.
    init(_ address: String, name: String, headers: [String], limits: Limits) throws(InferenceError) {
        handle = Pinned(try CurlHandle(), thread: "http")
        self.address = address
        self.name = name
        self.headers = headers
        self.limits = limits
    }

    /// True of the machine that this runs on.
    ///
    /// - Parameter name: a host's, or its address, with or without a port.
    static func isHere(_ name: String) -> Bool {
        if name.hasPrefix("[::1]") { return true }
        let host = name.prefix { $0 != ":" }.lowercased()
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return host == "localhost" || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Whatever status comes is an answer.
    ///
    /// - Throws: `.remote` when none came within the limits, `.cancelled`.
    func post(_ body: [UInt8]) async throws(InferenceError) -> Answer {
        let flag = CancellationFlag()
        let result: Result<Answer, InferenceError> = await withTaskCancellationHandler {
            do throws(InferenceError) {
                return .success(
                    try await handle.run { (handle) throws(InferenceError) -> Answer in
                        try handle.post(body, to: address, name, headers, limits, flag)
                    }
                )
            } catch {
                return .failure(error)
            }
        } onCancel: {
            flag.raise()
        }
        return try result.get()
    }
}

/// Told to a transfer that runs on another thread.
private final class CancellationFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    func raise() { raised.store(true, ordering: .relaxed) }
    var isRaised: Bool { raised.load(ordering: .relaxed) }
}

/// One connection that is kept between requests. Belongs to one thread at a time.
private final class CurlHandle {
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    private let curl: UnsafeMutableRawPointer

    init() throws(InferenceError) {
        guard Self.isReady, let curl = curl_easy_init() else {
            throw .remote(host: "libcurl", reason: "it cannot be used", isTransient: false)
        }
        self.curl = curl
    }

    deinit { curl_easy_cleanup(curl) }

    /// What comes, as far as it may.
    private final class Sink {
        var body: [UInt8] = []
        let limit: Int
        var isFull = false

        init(limit: Int) { self.limit = limit }
    }

    func post(
        _ body: [UInt8],
        to address: String,
        _ name: String,
        _ headers: [String],
        _ limits: HTTPPoster.Limits,
        _ flag: CancellationFlag
    ) throws(InferenceError) -> HTTPPoster.Answer {
        curl_easy_reset(curl)
        let sink = Sink(limit: limits.responseBytes)
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { list = curl_slist_append(list, header) }
        defer { curl_slist_free_all(list) }
        for (option, value) in [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_POST, 1),
            (CURLOPT_CONNECTTIMEOUT_MS, limits.connect.milliseconds), (CURLOPT_TIMEOUT_MS, limits.total.milliseconds),
        ] { _ = sluice_curl_number(curl, option, value) }
        guard sluice_curl_web_only(curl) == CURLE_OK else {
            throw .remote(host: name, reason: "libcurl knows no http and https", isTransient: false)
        }
        _ = sluice_curl_text(curl, CURLOPT_USERAGENT, "sluice")
        // A proxy that the environment names is for what lies beyond this machine.
        if HTTPPoster.isHere(name) { _ = sluice_curl_text(curl, CURLOPT_PROXY, "") }
        guard sluice_curl_text(curl, CURLOPT_URL, address) == CURLE_OK else {
            throw .remote(host: name, reason: "libcurl does not take the address", isTransient: false)
        }
        _ = sluice_curl_headers(curl, list)
        _ = sluice_curl_sink(
            curl,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                guard sink.body.count + size * count <= sink.limit else {
                    sink.isFull = true
                    return 0
                }
                sink.body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: size * count))
                return size * count
            },
            Unmanaged.passUnretained(sink).toOpaque()
        )
        _ = sluice_curl_watch(
            curl,
            { context, _, _, _, _ in
                guard let context else { return 1 }
                return Unmanaged<CancellationFlag>.fromOpaque(context).takeUnretainedValue().isRaised ? 1 : 0
            },
            Unmanaged.passUnretained(flag).toOpaque()
        )
        let code = body.withUnsafeBytes { bytes in
            _ = sluice_curl_body(curl, bytes.baseAddress, Int(bytes.count))
            return withExtendedLifetime((sink, flag)) { curl_easy_perform(curl) }
        }
        if flag.isRaised { throw .cancelled }
        if sink.isFull {
            throw .remote(
                host: name,
                reason: "its answer is longer than \(limits.responseBytes) bytes",
                isTransient: false
            )
        }
        guard code == CURLE_OK else {
            throw .remote(host: name, reason: String(cString: curl_easy_strerror(code)), isTransient: true)
        }
        return HTTPPoster.Answer(status: sluice_curl_status(curl), body: sink.body)
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
