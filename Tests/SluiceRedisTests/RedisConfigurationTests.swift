import SluiceRedis
import Testing

@Suite("Redis addresses")
struct RedisConfigurationTests {
    @Test(
        "forms that are understood",
        arguments: [
            ("redis://localhost", "localhost", 6_379, 0),
            ("redis://10.0.0.1:7000", "10.0.0.1", 7_000, 0),
            ("redis://host:7000/3", "host", 7_000, 3),
            ("redis://host/3?timeout=1", "host", 6_379, 3),
            ("REDIS://host/", "host", 6_379, 0),
            ("redis://[::1]:7000/1", "::1", 7_000, 1),
            ("redis://[fe80::1]", "fe80::1", 6_379, 0),
        ]
    )
    func parses(url: String, host: String, port: Int, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.endpoint == .tcp(host: host, port: port))
        #expect(configuration.database == database)
        #expect(configuration.username == nil && configuration.password == nil)
    }

    @Test("user and password, also with escapes and a bare @")
    func credentials() throws {
        let plain = try RedisConfiguration(url: "redis://:secret@host/1")
        #expect(plain.username == nil && plain.password == "secret")
        let both = try RedisConfiguration(url: "redis://me:p%40ss%2Fw%C3%B6rd@host")
        #expect(both.username == "me" && both.password == "p@ss/wörd")
        let bare = try RedisConfiguration(url: "redis://me:p@ss@host:1/2")
        #expect(bare.password == "p@ss" && bare.endpoint == .tcp(host: "host", port: 1))
        let colons = try RedisConfiguration(url: "redis://me:a:b:c@host")
        #expect(colons.password == "a:b:c")
        #expect(try RedisConfiguration(url: "redis://:@host").password == nil)
    }

    @Test("Unix sockets")
    func unixSockets() throws {
        let plain = try RedisConfiguration(url: "unix:///run/redis.sock")
        #expect(plain.endpoint == .unixSocket(path: "/run/redis.sock") && plain.database == 0)
        let full = try RedisConfiguration(url: "unix://:secret@/run/redis.sock?db=4")
        #expect(full.endpoint == .unixSocket(path: "/run/redis.sock"))
        #expect(full.database == 4 && full.password == "secret")
    }

    @Test(
        "what is malformed is refused without repeating it",
        arguments: [
            "", "host:6379", "http://:hunter2@host", "redis://", "redis://:hunter2@", "redis://:hunter2@host:0",
            "redis://:hunter2@host:65536", "redis://:hunter2@host:x", "redis://:hunter2@host/x",
            "redis://:hunter2@host/-1", "redis://:hunter2%zz@host", "redis://:hunter2%4@host",
            "redis://:hunter2%ff@host", "redis://hunter2@host", "redis://[::1", "unix://relative",
            "unix:///" + String(repeating: "x", count: 108), "rediss://:hunter2@host",
        ]
    )
    func refuses(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.isTransient == false)
        #expect(error.map { !"\($0)".contains("hunter2") } ?? false)
        #expect(error.map { !String(reflecting: $0).contains("hunter2") } ?? false)
    }

    @Test("TLS is refused with the way out")
    func tls() {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: "rediss://host") }
        #expect(error.map { "\($0)".contains("TLS") && "\($0)".contains("proxy") } ?? false)
    }
}
