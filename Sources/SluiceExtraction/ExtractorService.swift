internal import CLinux
internal import SluiceCore
internal import SluiceSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// The extractor's life: confine itself, greet, then read one document after the other until its parent hangs up.
package struct ExtractorService {
    private let options: ExtractorOptions

    package init(_ options: ExtractorOptions) { self.options = options }

    /// Serves the socket on descriptor 0. Blocks until the parent closes it.
    ///
    /// - Returns: the exit code: 0 after an orderly end, 70 when the parent broke the wire format, 71 when it is gone.
    package func run() -> Int32 {
        let channel = DescriptorChannel(adopting: OwnedDescriptor(adopting: 0))
        WarmUp.run()
        // What libraries say about documents is their text: it goes nowhere.
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if nowhere >= 0 {
            dup2(nowhere, 2)
            close(nowhere)
        }
        guard
            let confinement = Confinement.apply(addressSpace: options.addressSpace, parent: options.parent),
            (try? channel.send(ExtractorGreeting(confinement: confinement, reader: Readers.name).frame.encoded)) != nil
        else { return 71 }
        let reader = DocumentReader(channel: channel, honoursTestHooks: options.honoursTestHooks)
        return serve(channel, reader)
    }

    private func serve(_ channel: DescriptorChannel, _ reader: DocumentReader) -> Int32 {
        var decoder = ExtractionFrameDecoder()
        var document: OwnedDescriptor?
        do {
            while true {
                while let frame = try decoder.next() {
                    let request = try ExtractionRequest(frame)
                    guard let descriptor = document else { throw WireViolation("a request without a descriptor") }
                    document = nil
                    try reader.answer(request, descriptor)
                }
                let (isOpen, descriptor) = try channel.receiveWithDescriptor { decoder.append($0) }
                if let descriptor { document = descriptor }
                if !isOpen { return decoder.isEmpty ? 0 : 70 }
            }
        } catch is WireViolation {
            return 70
        } catch {
            return 71
        }
    }
}
