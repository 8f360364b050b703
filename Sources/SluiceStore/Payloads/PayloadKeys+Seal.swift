package import SluiceCore
package import SluiceQueue
internal import SluiceSystem

/// A payload as it came from the database, opened where that was needed and possible.
package enum OpenedPayload: Sendable, Equatable {
    /// It was never sealed.
    case plain
    case opened(String)
    case locked(PayloadFault)
}

extension PayloadKeys {
    /// The field that holds a sealed payload: `{"$sealed": "key-id:base64", …routing fields…}`.
    static let field = "$sealed"

    static func isSealed(_ payload: String) -> Bool { JSONFields.raw(of: payload, [field])[field] != nil }

    /// The payload as it is stored: sealed with the first key, or as it is where there is none.
    ///
    /// - Parameter routing: top-level fields that SQL needs: copies stay readable beside the seal. What is opened is the
    ///   sealed whole, so whoever changes a copy changes no input of a handler.
    package func seal(_ payload: String, tenant: TenantID, kind: TaskKind, routing: [String]) throws -> String {
        guard let key = keys.first else { return payload }
        let sealed = try key.cipher.seal(Array(payload.utf8), for: Self.context(tenant, kind))
        var result = "{\"\(Self.field)\":\"\(key.id):\(Base64.text(of: sealed))\""
        if !routing.isEmpty {
            let values = JSONFields.raw(of: payload, routing)
            for name in routing { if let value = values[name] { result += ",\"\(name)\":\(value)" } }
        }
        return result + "}"
    }

    package func open(_ payload: String, tenant: TenantID, kind: TaskKind) -> OpenedPayload {
        guard let raw = JSONFields.raw(of: payload, [Self.field])[Self.field] else { return .plain }
        let parts = raw.dropFirst().dropLast().split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let sealed = Base64.bytes(of: parts[1]) else { return .locked(.notAuthentic("?")) }
        let id = String(parts[0])
        guard let key = keys.first(where: { $0.id == id }) else {
            return .locked(.noKey(NameRule.accepts(id) ? id : "?"))
        }
        guard let bytes = try? key.cipher.open(sealed, for: Self.context(tenant, kind)) else {
            return .locked(.notAuthentic(id))
        }
        return .opened(String(decoding: bytes, as: UTF8.self))
    }

    /// True when it must be sealed anew to be under the first key.
    package func isOutdated(_ payload: String) -> Bool {
        guard let id = keys.first?.id else { return false }
        guard let raw = JSONFields.raw(of: payload, [Self.field])[Self.field] else { return true }
        return !raw.hasPrefix("\"\(id):")
    }

    /// Names hold no line break, so that no two owners have one context.
    private static func context(_ tenant: TenantID, _ kind: TaskKind) -> [UInt8] {
        Array("sluice payload 1\n\(tenant)\n\(kind)".utf8)
    }
}

extension ClaimedTask {
    /// With its payload opened, or with the fault that it could not be.
    func opened(with keys: PayloadKeys) -> ClaimedTask {
        var task = self
        switch keys.open(payload, tenant: tenant, kind: kind) {
        case .plain: break
        case .opened(let payload): task.payload = payload
        case .locked(let fault): task.payloadFault = fault
        }
        return task
    }
}
