import SluiceCore
import SluiceQueue
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Keys of payloads")
struct PayloadKeysTests {
    static let old = Base64.text(of: [UInt8](repeating: 1, count: 32))
    static let new = Base64.text(of: [UInt8](repeating: 2, count: 32))
    private static let kind = TaskKind(trusted: "mail.send")

    @Test("the first seals, all open; after rotation the old one is not needed any more")
    func rotation() throws {
        let before = try PayloadKeys("old:\(Self.old)")
        let between = try PayloadKeys("new:\(Self.new),old:\(Self.old)")
        let after = try PayloadKeys("new:\(Self.new)")
        let payload = #"{"to":"someone"}"#
        let sealed = try before.seal(payload, tenant: .default, kind: Self.kind, routing: [])
        #expect(sealed.hasPrefix(#"{"$sealed":"old:"#) && !sealed.contains("someone"))
        #expect(between.open(sealed, tenant: .default, kind: Self.kind) == .opened(payload))
        #expect(after.open(sealed, tenant: .default, kind: Self.kind) == .locked(.noKey("old")))
        #expect(PayloadKeys.none.open(sealed, tenant: .default, kind: Self.kind) == .locked(.noKey("old")))
        #expect(between.isOutdated(sealed) && !before.isOutdated(sealed) && before.isOutdated(payload))
        #expect(!PayloadKeys.none.isOutdated(payload))
        #expect(after.open(payload, tenant: .default, kind: Self.kind) == .plain)
    }

    @Test("a seal is of one tenant and kind")
    func owner() throws {
        let keys = try PayloadKeys("k:\(Self.old)")
        let sealed = try keys.seal("{}", tenant: .default, kind: Self.kind, routing: [])
        let other = TenantID(trusted: "other")
        #expect(keys.open(sealed, tenant: other, kind: Self.kind) == .locked(.notAuthentic("k")))
        #expect(keys.open(sealed, tenant: .default, kind: TaskKind(trusted: "x")) == .locked(.notAuthentic("k")))
        let stranger = try PayloadKeys("k:\(Self.new)")
        #expect(stranger.open(sealed, tenant: .default, kind: Self.kind) == .locked(.notAuthentic("k")))
        let broken = sealed.replacing("k:", with: "k:A")
        #expect(keys.open(broken, tenant: .default, kind: Self.kind) == .locked(.notAuthentic("?")))
    }

    @Test("routing fields stay readable, and what is opened is the whole")
    func routing() throws {
        let keys = try PayloadKeys("k:\(Self.old)")
        let payload = #"{"version": 12, "text": "a \"version\": 9", "list": [1, {"version": 3}], "name": "x,}y"}"#
        let sealed = try keys.seal(payload, tenant: .default, kind: Self.kind, routing: ["version", "name", "none"])
        #expect(sealed.hasSuffix(#","version":12,"name":"x,}y"}"#))
        #expect(keys.open(sealed, tenant: .default, kind: Self.kind) == .opened(payload))
        let changed = sealed.replacing(#""version":12"#, with: #""version":13"#)
        #expect(keys.open(changed, tenant: .default, kind: Self.kind) == .opened(payload))
        #expect(JSONFields.names(of: sealed) == ["$sealed", "version", "name"])
    }

    @Test(
        "lists that cannot be used say why, and never a key",
        arguments: [
            "nocolon", ":\(old)", "K:\(old)", "k:\(old),k:\(new)", "k:\(old.dropLast(4))", "k:not base64", "k:\(old)x",
        ]
    )
    func unusable(text: String) throws {
        let error = try #require(throws: PayloadKeysError.self) { _ = try PayloadKeys(text) }
        #expect(!error.description.contains(Self.old.prefix(8)))
    }

    @Test("keys show in no description")
    func masked() throws {
        let keys = try PayloadKeys(" new:\(Self.new)\nold:\(Self.old) ")
        #expect("\(keys)" == "PayloadKeys(new, old)")
        var dumped = ""
        dump(keys, to: &dumped)
        #expect(!dumped.contains(Self.new.prefix(8)) && !dumped.contains("cipher") && dumped.contains("new"))
        #expect(String(reflecting: keys) == "PayloadKeys(new, old)")
    }

    @Test(
        "fields are found where they are, in PostgreSQL's writing and in others'",
        arguments: [
            (#"{"a": 1}"#, "1"), (#"{"a":1,"b":2}"#, "1"), (#"{"b": {"a": 2}, "a": [1, 2]}"#, "[1, 2]"),
            (#"{"b": "\"a\": 3", "a": "\\"}"#, #""\\""#), (#"{"b": [], "a": null }"#, "null"),
            (#" { "a" : {} } "#, "{}"),
            (#"{"b": "}", "a": -1.5e3}"#, "-1.5e3"),
        ]
    )
    func fields(text: String, value: String) {
        #expect(JSONFields.raw(of: text, ["a"])["a"].map(String.init) == value)
    }

    @Test(
        "what is no object, or ends early, has no fields",
        arguments: ["", "1", "[{\"a\": 1}]", "{", "{\"a\"", "{\"a\": ", "{\"a\": \"", "\"a\""]
    )
    func noFields(text: String) {
        #expect(JSONFields.raw(of: text, ["a"]).isEmpty)
    }
}
