internal import CLibCrypto
internal import SluiceCore

/// SHA-256 through libcrypto.
package struct SHA256Digest: Hashable, Sendable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Nil unless `bytes` are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    package init(of data: some Sequence<UInt8>) {
        var hasher = SHA256Hasher()
        if data.withContiguousStorageIfAvailable({ hasher.update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(data).withUnsafeBytes { hasher.update($0) }
        }
        self = hasher.finish()
    }

    /// The digest of the text's UTF-8.
    package init(ofText text: String) { self.init(of: text.utf8) }

    fileprivate init(unchecked bytes: [UInt8]) { self.bytes = bytes }
}

/// A SHA-256 computed piece by piece. Owns its libcrypto context; not for several threads.
package struct SHA256Hasher: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto offers no SHA-256 (out of memory, or a provider that forbids it)")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ data: UnsafeRawBufferPointer) {
        guard EVP_DigestUpdate(context, data.baseAddress, data.count) == 1 else {
            preconditionFailure("libcrypto refused to continue a SHA-256")
        }
    }

    /// The digest of all that was added. Call once.
    package consuming func finish() -> SHA256Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &bytes, nil) == 1 else {
            preconditionFailure("libcrypto refused to finish a SHA-256")
        }
        return SHA256Digest(unchecked: bytes)
    }
}

/// SHA-1, only because Redis names scripts by it.
package enum SHA1Digest {
    /// 40 lower-case digits.
    package static func hexadecimal(of data: [UInt8]) -> String {
        var bytes = [UInt8](repeating: 0, count: 20)
        var length: UInt32 = 0
        guard EVP_Digest(data, data.count, &bytes, &length, EVP_sha1(), nil) == 1 else {
            preconditionFailure("libcrypto offers no SHA-1, by which Redis names scripts")
        }
        return bytes.hexadecimal
    }
}
