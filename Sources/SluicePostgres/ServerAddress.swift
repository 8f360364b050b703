internal import CLibPQ
internal import Glibc

/// What an address names, as libpq reads it, without the password.
struct ServerAddress: CustomStringConvertible {
    private let values: [String: String]

    /// Nil for what libpq cannot read. Its own message is not kept, since it quotes the address.
    init?(_ url: String) {
        guard let options = PQconninfoParse(url, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if let value = option.pointee.val, name != "password", name != "sslpassword" {
                values[name] = String(cString: value)
            }
            option += 1
        }
        self.values = values
    }

    /// More than one host to try.
    var hasSeveralHosts: Bool { [values["host"], values["hostaddr"]].contains { $0?.contains(",") == true } }

    /// Options for the server that the address itself brings.
    var options: String? { values["options"] }

    var description: String {
        let user = values["user"].map { "\($0)@" } ?? ""
        let host = values["host"] ?? values["hostaddr"] ?? "local socket"
        return user + host + (values["port"].map { ":\($0)" } ?? "") + (values["dbname"].map { "/\($0)" } ?? "")
    }
}
