import SluiceRedis
import Testing

@Suite("Scripts and errors of Redis")
struct RedisScriptTests {
    @Test("digests are those that the server computes")
    func digests() {
        #expect(RedisScript(name: "one", source: "return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
        #expect(RedisScript(name: "empty", source: "").digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test("errors say what to do, and nothing of the server's text")
    func errorsAreSafe() {
        let error = RedisError(.server, "ERR unknown command 'GTE', with args beginning with: 'secret'")
        #expect(!"\(error)".contains("secret"))
        #expect(String(reflecting: error).contains("secret"))
    }

    @Test("only what may pass by itself is transient")
    func transience() {
        for code in [
            RedisError.Code.connectionLost, .cannotConnect, .timeout, .loading, .outOfMemory, .readOnly, .busy,
        ] {
            #expect(RedisError(code).isTransient, "\(code)")
        }
        for code in [RedisError.Code.authentication, .wrongType, .invalidConfiguration, .cancelled, .closed, .server] {
            #expect(!RedisError(code).isTransient, "\(code)")
        }
    }

    @Test("INFO is read by field")
    func info() {
        let info = RedisServerInfo(
            text: "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1234\r\nmaxmemory:0\r\n"
                + "maxmemory_policy:noeviction\r\nexecutable:/a:b\r\n"
        )
        #expect(info.version == "7.0.15" && info.usedMemoryBytes == 1_234 && info.maxMemoryBytes == 0)
        #expect(info.maxMemoryPolicy == "noeviction" && info.fields["executable"] == "/a:b")
        #expect(RedisServerInfo(text: "redis_version:7.2.4\r\nvalkey_version:8.1.0\r\n").version == "8.1.0")
        #expect(RedisServerInfo(text: "").version == nil)
    }
}
