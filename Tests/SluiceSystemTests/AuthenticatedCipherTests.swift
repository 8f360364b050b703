import SluiceCore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("AES-256-GCM")
struct AuthenticatedCipherTests {
    /// Source: McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", as submitted to NIST, test cases 13 to 16.
    struct Vector: Sendable, CustomTestStringConvertible {
        let number: Int
        let key: String
        let nonce: String
        let plaintext: String
        let context: String
        let ciphertext: String
        let tag: String
        var testDescription: String { "test case \(number)" }
    }

    private static let zeroKey = String(repeating: "0", count: 64)
    private static let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    private static let text = """
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255
        """
    private static let cipher = """
        522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
        8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad
        """

    static let vectors = [
        Vector(
            number: 13,
            key: zeroKey,
            nonce: String(repeating: "0", count: 24),
            plaintext: "",
            context: "",
            ciphertext: "",
            tag: "530f8afbc74536b9a963b4f1c4cb738b"
        ),
        Vector(
            number: 14,
            key: zeroKey,
            nonce: String(repeating: "0", count: 24),
            plaintext: String(repeating: "0", count: 32),
            context: "",
            ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919"
        ),
        Vector(
            number: 15,
            key: key,
            nonce: "cafebabefacedbaddecaf888",
            plaintext: text,
            context: "",
            ciphertext: cipher,
            tag: "b094dac5d93471bdec1a502270e3cc6c"
        ),
        Vector(
            number: 16,
            key: key,
            nonce: "cafebabefacedbaddecaf888",
            plaintext: String(text.dropLast(8)),
            context: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            ciphertext: String(cipher.dropLast(8)),
            tag: "76fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ]

    private static func bytes(_ digits: String) -> [UInt8] {
        var result: [UInt8] = []
        var rest = digits[...]
        while let pair = UInt8(rest.prefix(2), radix: 16) {
            result.append(pair)
            rest = rest.dropFirst(2)
        }
        return result
    }

    @Test("known answers", arguments: vectors)
    func knownAnswers(vector: Vector) throws {
        let cipher = try #require(AuthenticatedCipher(key: Self.bytes(vector.key)))
        let context = Self.bytes(vector.context)
        let sealed = try cipher.seal(Self.bytes(vector.plaintext), nonce: Self.bytes(vector.nonce), for: context)
        #expect(sealed.hexadecimal == vector.nonce + vector.ciphertext + vector.tag)
        #expect(try cipher.open(sealed, for: context).hexadecimal == vector.plaintext)
    }

    @Test("one changed bit anywhere, another context, another key, a cut: refused")
    func tampering() throws {
        var generator = SeededGenerator(seed: 7)
        let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let cipher = try #require(AuthenticatedCipher(key: key))
        let message = Array("{\"uri\": \"file:///etc/secret\"}".utf8)
        let context = Array("tenant\nkind".utf8)
        let sealed = try cipher.seal(message, for: context)
        #expect(try cipher.open(sealed, for: context) == message)
        for bit in 0..<(sealed.count * 8) {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: CipherError.notAuthentic) { try cipher.open(changed, for: context) }
        }
        for count in 0..<sealed.count {
            #expect(throws: CipherError.notAuthentic) { try cipher.open(Array(sealed[..<count]), for: context) }
        }
        #expect(throws: CipherError.notAuthentic) { try cipher.open(sealed, for: Array("tenant\nkine".utf8)) }
        #expect(throws: CipherError.notAuthentic) { try cipher.open(sealed, for: []) }
        var other = key
        other[31] ^= 1
        let stranger = try #require(AuthenticatedCipher(key: other))
        #expect(throws: CipherError.notAuthentic) { try stranger.open(sealed, for: context) }
        #expect(AuthenticatedCipher(key: Array(key.dropLast())) == nil)
    }

    @Test("the same message never looks the same twice")
    func nonces() throws {
        let cipher = try #require(AuthenticatedCipher(key: [UInt8](repeating: 1, count: 32)))
        let sealed = try (0..<1_000).map { _ in try cipher.seal([1, 2, 3], for: []) }
        #expect(Set(sealed).count == 1_000)
        #expect(Set(sealed.map { Array($0.prefix(12)) }).count == 1_000)
    }

    @Test("base64 is read as it is written, and nothing else")
    func base64() {
        // Source: RFC 4648, 10.
        for (text, digits) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.text(of: Array(text.utf8)) == digits)
            #expect(Base64.bytes(of: digits) == Array(text.utf8))
        }
        for wrong in ["Zg=", "Zg", "Z===", "Zm9v ", " Zm9v", "Zm9\n", "Zh==", "====", "Zg==Zg==", "Zm9-"] {
            #expect(Base64.bytes(of: wrong) == nil, "\(wrong)")
        }
        var generator = SeededGenerator(seed: 3)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            #expect(Base64.bytes(of: Base64.text(of: bytes)) == bytes)
        }
    }
}
