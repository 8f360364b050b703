import Sluice
import SluiceTesting
import Testing

// README begin
@Test func invoicesArePrinted() async throws {
    let queue = TestQueue(try invoiceHandlers())
    try await queue.enqueue(PrintInvoice(order: 7), TaskOptions(delay: .seconds(3_600)))
    try await queue.drain()  // nothing is due yet
    #expect(queue.liveCount == 1)
    queue.clock.advance(by: .seconds(3_600))
    #expect(try await queue.drain().completed == 1)
    #expect(queue.enqueued(PrintInvoice.self).map(\.order) == [7])
}
// README end
