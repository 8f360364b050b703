internal import SluiceCore
internal import SluiceSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// Says what confines an extractor on this host, and proves it by trying what must not work.
///
/// The process that reports stays free, because one that may write no file cannot even print into one; what it reports
/// about are
/// children of its own, started the way a worker starts them.
package enum SelfTest {
    /// One JSON object: what is in force in a confined child, and how each forbidden act ended in a child of its own.
    ///
    /// - Parameter executable: this program's path.
    /// - Returns: the text, and whether everything required is in force and nothing forbidden went through.
    package static func report(executable: String) -> (json: String, isConfined: Bool) {
        let probes = TestHooks.probes.map { ($0, ending(of: $0, executable)) }
        let (confinement, state) = confinedState(executable)
        let isConfined =
            confinement.isSuperset(of: .required)
            && probes.allSatisfy { $0.1 == "killed" || $0.1 == "refused" || !isRequired($0.0) }
        let json = object([
            ("schema", "\"sluice.extractor/v1\""), ("confined", "\(isConfined)"), ("reader", "\"\(Readers.name)\""),
            ("confinement", object(ExtractorGreeting.Confinement.known.map { ($0, "\(confinement.contains($1))") })),
            ("limits", state.isEmpty ? "null" : state), ("probes", object(probes.map { ($0, "\"\($1)\"") })),
        ])
        return (json, isConfined)
    }

    /// Confines this process and tries `probe`, or greets and writes its limits to descriptor 0 for `state`.
    package static func attempt(_ probe: String) {
        WarmUp.run()
        let confinement = Confinement.apply(addressSpace: ExtractorOptions().addressSpace, parent: nil) ?? []
        guard probe == "state" else { return TestHooks.attempt(probe) }
        let limits = ResourceLimits.current().map { ($0, $1.map(String.init) ?? "null") }
        let channel = DescriptorChannel(adopting: OwnedDescriptor(adopting: 0))
        try? channel.send(Array("\(confinement.rawValue) \(object(limits))".utf8))
        exit(0)
    }

    /// What a confined child says of itself; nothing when there is none.
    private static func confinedState(_ executable: String) -> (ExtractorGreeting.Confinement, limits: String) {
        guard let ends = try? DescriptorChannel.pair(),
            let child = try? ChildProcess.spawn(
                executable,
                ["--probe", "state"],
                environment: [:],
                input: ends.1.descriptor
            ),
            child.waitForExit(until: ContinuousClock.now + .seconds(10)) == .exited(code: 0)
        else { return ([], "") }
        var said = ""
        _ = try? ends.0.receive(until: ContinuousClock.now) { said = String(decoding: $0, as: UTF8.self) }
        let parts = said.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let bits = UInt32(parts[0]) else { return ([], "") }
        return (ExtractorGreeting.Confinement(rawValue: bits), String(parts[1]))
    }

    /// Reading other files can only be prevented by Landlock, which older kernels lack.
    private static func isRequired(_ probe: String) -> Bool { probe != "read_file" }

    private static func ending(of probe: String, _ executable: String) -> String {
        guard let child = try? ChildProcess.spawn(executable, ["--probe", probe], environment: [:]) else {
            return "unknown"
        }
        switch child.waitForExit(until: ContinuousClock.now + .seconds(10)) {
        case .signalled(SIGSYS): return "killed"
        case .exited(TestHooks.wasRefused): return "refused"
        case .exited(TestHooks.wentThrough): return "allowed"
        default: return "unknown"
        }
    }

    private static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
    }
}
