internal import ArgumentParser
internal import SluiceCore

struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON instead of text.") var json = false
}

struct TenantOptions: ParsableArguments {
    @Option(name: .long, help: "Whose documents and tasks.") var tenant: TenantID = .default
}

struct PageOptions: ParsableArguments {
    @Option(name: .long, help: "Show at most this many, 1 to 10000.") var limit = 50

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000, not \(limit)") }
    }
}

extension TenantID: ExpressibleByArgument {}
extension QueueName: ExpressibleByArgument {}
extension IndexName: ExpressibleByArgument {}
extension TaskKind: ExpressibleByArgument {}

extension ExpressibleByArgument where Self: SluiceName {
    init?(argument: String) { self.init(rawValue: argument) }
    var defaultValueDescription: String { rawValue }
}

extension TaskID: ExpressibleByArgument {
    init?(argument: String) { self.init(text: argument) }
}

extension BatchID: ExpressibleByArgument {
    init?(argument: String) { self.init(text: argument) }
}
