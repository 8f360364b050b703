internal import SluiceCore
internal import SluiceSystem

/// A setting that cannot be used: which, why, and what it takes.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "\n") }
}

/// Reads settings by name and collects everything that is wrong, so that one run shows all of it.
///
/// Order: the process's environment, then `$SLUICE_HOME/run/environment`, which `scripts/up` writes, then the default. A
/// variable `NAME_FILE` names a file that holds the value of `NAME`: for secrets mounted as files.
struct SettingsReader {
    private let values: [String: String]
    private let readFile: (String) -> String?
    private(set) var problems: [String] = []

    init(environment: [String: String], defaultsFile: String?, readFile: @escaping (String) -> String?) {
        self.readFile = readFile
        var values = defaultsFile.flatMap(readFile).map(Self.parse) ?? [:]
        for (name, value) in environment where !value.isEmpty { values[name] = value }
        self.values = values
    }

    /// `NAME=VALUE` lines; `#` begins a comment line; an optional `export ` and surrounding quotes are dropped.
    static func parse(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.drop { $0 == " " }
            if line.hasPrefix("#") { continue }
            if line.hasPrefix("export ") { line = line.dropFirst(7) }
            guard let equals = line.firstIndex(of: "=") else { continue }
            var value = line[line.index(after: equals)...]
            if value.count >= 2, let quote = value.first, quote == "'" || quote == "\"", value.last == quote {
                value = value.dropFirst().dropLast()
            }
            result[String(line[..<equals])] = String(value)
        }
        return result
    }

    mutating func text(_ name: String) -> String? {
        if let value = values[name], !value.isEmpty { return value }
        guard let path = values[name + "_FILE"], !path.isEmpty else { return nil }
        guard let content = readFile(path) else {
            problems.append("\(name)_FILE: the file '\(path)' cannot be read")
            return nil
        }
        let line = content.split(whereSeparator: \.isNewline).first.map(String.init)
        if line == nil { problems.append("\(name)_FILE: the file '\(path)' is empty") }
        return line
    }

    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let raw = text(name) else { return fallback }
        guard let value = Int(raw), range.contains(value) else {
            problems.append("\(name): '\(raw)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return value
    }

    mutating func name<Name: SluiceName>(_ name: String, default fallback: Name) -> Name {
        guard let raw = text(name) else { return fallback }
        guard let value = Name(rawValue: raw) else {
            problems.append("\(name): '\(raw)' is not valid: \(NameRule.sentence)")
            return fallback
        }
        return value
    }

    mutating func require(_ name: String, _ hint: String) -> String {
        guard let value = text(name) else {
            problems.append("\(name) is not set: \(hint)")
            return ""
        }
        return value
    }

    mutating func report(_ problem: String) { problems.append(problem) }
}
