internal import FoundationEssentials

/// The machine-readable form: snake_case, sorted keys, one object or one array, a line break at the end.
///
/// Unknown values are `null`, never 0. Objects carry `schema`, which changes only when a field changes its meaning.
enum JSON {
    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        Terminal.write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }
}

/// Encodes nil as `null` instead of leaving the key out: a reader sees that a value is unknown.
@propertyWrapper
struct Explicit<Value: Encodable>: Encodable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue {
            try container.encode(wrappedValue)
        } else {
            try container.encodeNil()
        }
    }
}

extension Explicit: Sendable where Value: Sendable {}
