import Sluice

// What stands between the marks is in the README, letter by letter; a test compares them.

// README begin
struct PrintInvoice: TaskKindDefinition {
    static let kind = "invoice.print"
    static let queue = "printing"
    let order: Int
}

func invoiceHandlers() throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.handle(PrintInvoice.self) { invoice, attempt in
        if attempt.isCancelled { throw CancellationError() }
        guard invoice.order > 0 else { return .dead(HandlerError("invoice.unknown", "there is no such order")) }
        return .completed  // a thrown error means: try again by the kind's schedule
    }
    return handlers
}

func printInvoice(_ settings: SluiceSettings) async throws -> TaskStatus? {
    let client = try SluiceClient(settings)
    defer { client.close() }
    let task = try await client.enqueue(PrintInvoice(order: 7), TaskOptions(uniqueKey: "order-7"))
    let worker = try SluiceWorker(settings, handlers: try invoiceHandlers(), concurrency: ["printing": 4])
    async let running: Void = worker.run()
    let status = try await client.wait(for: task.id)
    worker.stop()
    try await running
    return status
}
// README end
