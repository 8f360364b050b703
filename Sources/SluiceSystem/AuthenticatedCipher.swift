internal import CLibCrypto

/// Why a cipher did not do what was asked; says nothing about the content.
package enum CipherError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Too short, changed, sealed with another key, or with other authenticated data.
    case notAuthentic
    /// libcrypto failed: out of memory, or a provider that forbids AES-256-GCM.
    case unavailable

    package var description: String {
        switch self {
        case .notAuthentic: "the sealed data is damaged, or was sealed with another key or for another owner"
        case .unavailable: "libcrypto offers no AES-256-GCM (out of memory, or a provider that forbids it)"
        }
    }
}

/// AES-256-GCM through libcrypto.
///
/// A sealed message is its nonce (12 bytes), the ciphertext and the tag (16 bytes). With random nonces one key may seal about
/// 2^32 messages: rotate long before that. Source: NIST SP 800-38D, 8.3.
package struct AuthenticatedCipher: Sendable {
    package static let keyLength = 32
    package static let nonceLength = 12
    package static let tagLength = 16

    private let key: [UInt8]

    /// Nil unless `key` has 32 bytes.
    package init?(key: [UInt8]) {
        guard key.count == Self.keyLength else { return nil }
        self.key = key
    }

    /// Seals under a fresh random nonce from the operating system.
    ///
    /// - Parameter context: authenticated but not kept: `open` needs the same.
    package func seal(_ plaintext: [UInt8], for context: [UInt8]) throws(CipherError) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<Self.nonceLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return try seal(plaintext, nonce: nonce, for: context)
    }

    /// For test vectors. A nonce used twice with one key gives both messages away.
    package func seal(
        _ plaintext: [UInt8],
        nonce: [UInt8],
        for context: [UInt8]
    ) throws(CipherError) -> [UInt8] {
        guard nonce.count == Self.nonceLength, let state = EVP_CIPHER_CTX_new() else { throw .unavailable }
        defer { EVP_CIPHER_CTX_free(state) }
        var body = [UInt8](repeating: 0, count: plaintext.count + 16)
        var tag = [UInt8](repeating: 0, count: Self.tagLength)
        var (added, written, last) = (Int32(0), Int32(0), Int32(0))
        guard EVP_EncryptInit_ex(state, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            context.isEmpty || EVP_EncryptUpdate(state, nil, &added, context, Int32(context.count)) == 1,
            plaintext.isEmpty || EVP_EncryptUpdate(state, &body, &written, plaintext, Int32(plaintext.count)) == 1,
            EVP_EncryptFinal_ex(state, &body[Int(written)], &last) == 1,
            EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), &tag) == 1
        else { throw .unavailable }
        return nonce + body[..<Int(written + last)] + tag
    }

    /// - Throws: `notAuthentic` for anything that `seal` with this key and context has not made.
    package func open(_ sealed: [UInt8], for context: [UInt8]) throws(CipherError) -> [UInt8] {
        guard sealed.count >= Self.nonceLength + Self.tagLength else { throw .notAuthentic }
        guard let state = EVP_CIPHER_CTX_new() else { throw .unavailable }
        defer { EVP_CIPHER_CTX_free(state) }
        let nonce = Array(sealed[..<Self.nonceLength])
        let body = Array(sealed[Self.nonceLength..<(sealed.count - Self.tagLength)])
        var tag = Array(sealed[(sealed.count - Self.tagLength)...])
        var plaintext = [UInt8](repeating: 0, count: body.count + 16)
        var (added, written, last) = (Int32(0), Int32(0), Int32(0))
        guard EVP_DecryptInit_ex(state, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            context.isEmpty || EVP_DecryptUpdate(state, nil, &added, context, Int32(context.count)) == 1,
            body.isEmpty || EVP_DecryptUpdate(state, &plaintext, &written, body, Int32(body.count)) == 1,
            EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), &tag) == 1
        else { throw .unavailable }
        guard EVP_DecryptFinal_ex(state, &plaintext[Int(written)], &last) == 1 else { throw .notAuthentic }
        return Array(plaintext[..<Int(written + last)])
    }
}

/// RFC 4648 base64 with padding, through libcrypto.
package enum Base64 {
    package static func text(of bytes: [UInt8]) -> String {
        // EVP_EncodeBlock ends with a NUL.
        var result = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let length = EVP_EncodeBlock(&result, bytes, Int32(bytes.count))
        return String(decoding: result[..<Int(length)], as: UTF8.self)
    }

    /// Nil for anything that `text(of:)` has not made.
    package static func bytes(of text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        if digits.isEmpty { return [] }
        let padding = digits.suffix(2).count { $0 == UInt8(ascii: "=") }
        var result = [UInt8](repeating: 0, count: digits.count / 4 * 3)
        let length = Int(EVP_DecodeBlock(&result, digits, Int32(digits.count)))
        guard length == result.count else { return nil }
        result.removeLast(padding)
        // libcrypto trims blanks and takes a '=' anywhere.
        return self.text(of: result).utf8.elementsEqual(digits) ? result : nil
    }
}
