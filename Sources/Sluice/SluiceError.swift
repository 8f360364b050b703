internal import SluiceCore
internal import SluicePostgres
internal import SluiceStore

/// What went wrong in a call of this library, in a sentence that is safe to log: no secrets, SQL or payloads.
public struct SluiceError: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// True when the same call may succeed later without anyone changing anything: a lost connection, a deadlock.
    public let isTransient: Bool

    package init(_ description: String, isTransient: Bool = false) {
        self.description = description
        self.isTransient = isTransient
    }

    /// For the test helpers.
    package static func testing(_ description: String) -> SluiceError { SluiceError(description) }

    init(_ error: any Error) {
        self =
            (error as? SluiceError)
            ?? SluiceError("\(error)", isTransient: error.isTransientFailure)
    }
}

/// Runs `body`; whatever it throws becomes a `SluiceError`.
package func translating<Value>(_ body: () async throws -> Value) async throws(SluiceError) -> Value {
    do { return try await body() } catch { throw SluiceError(error) }
}
