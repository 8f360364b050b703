/// A server's address that is safe to show: user, host, port and database, never a password or an option.
package struct MaskedURL: Sendable, CustomStringConvertible {
    package let description: String

    package init(_ url: String) {
        guard let scheme = url.firstRange(of: "://") else {
            description = "(address in key=value form)"
            return
        }
        var rest = url[scheme.upperBound...]
        if let question = rest.firstIndex(of: "?") { rest = rest[..<question] }
        var user = ""
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at].prefix { $0 != ":" })
            rest = rest[rest.index(after: at)...]
            if !user.isEmpty { user += "@" }
        }
        description = "\(url[..<scheme.lowerBound])://\(user)\(rest)"
    }
}
