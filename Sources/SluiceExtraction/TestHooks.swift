internal import CLinux
internal import SluiceCore
internal import SluiceSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// Misbehaviour on request: a file that begins with `%SLUICE-TEST <what>` makes the extractor do just that.
///
/// Only honoured when started with `--test-hooks`, so that tests of the whole fleet can meet a reader that crashes,
/// hangs or lies
/// without a library of real exploits. What the confinement forbids is really tried.
enum TestHooks {
    private static let magic = Array("%SLUICE-TEST ".utf8)

    static func obey(
        _ bytes: UnsafeRawBufferPointer,
        _ channel: DescriptorChannel,
        _ stream: ReplyStream
    ) throws(ReadingStop) {
        guard bytes.starts(with: magic) else { return }
        let word = bytes[magic.count...].prefix(32).prefix { $0 > 0x20 }
        switch String(decoding: word, as: UTF8.self) {
        case "crash": abort()
        case "fault": raise(SIGSEGV)
        case "exit": exit(3)
        case "hang": while true { poll(nil, 0, 1_000) }
        case "spin": spin()
        case "oom": exhaustMemory()
        case "garbage": say(Array("this is no frame, whatever it says".utf8), on: channel)
        case "close":
            close(channel.descriptor.raw)
            while true { poll(nil, 0, 1_000) }
        case "flood": while true { try stream.page(CleanText(String(repeating: "flood ", count: 10_000))) }
        case "lie": try stream.conclude(.ok, "no text at all", .init(mediaType: "text/plain", pageCount: 0))
        case let probe: attempt(probe)
        }
    }

    /// Tries what the confinement must prevent; the exit code says that it went through.
    static func attempt(_ probe: String) {
        switch probe {
        case "socket": report(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        case "fork": report(sluice_fork())
        case "kill": report(kill(getppid(), 0))
        case "write_file": report(open("/tmp/sluice-extractor-probe", O_WRONLY | O_CREAT, 0o600))
        case "read_file": report(open("/etc/passwd", O_RDONLY))
        case "exec":
            var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
            report(execv("/bin/true", &arguments))
        default: break
        }
    }

    /// The names that `attempt` knows.
    static let probes = ["exec", "fork", "kill", "read_file", "socket", "write_file"]
    /// Exit codes of an attempt.
    static let wentThrough: Int32 = 90
    static let wasRefused: Int32 = 91

    private static func report(_ result: Int32) -> Never { exit(result >= 0 ? wentThrough : wasRefused) }

    private static func spin() -> Never {
        var value: UInt64 = 1
        while true {
            value = value &* 6_364_136_223_846_793_005 &+ 1
            if value == 0 { getppid() }
        }
    }

    private static func exhaustMemory() {
        var held: [UnsafeMutableRawPointer] = []
        while let block = malloc(16 << 20) {
            memset(block, 1, 16 << 20)
            held.append(block)
        }
        abort()
    }

    private static func say(_ bytes: [UInt8], on channel: DescriptorChannel) {
        try? channel.send(bytes)
    }
}
