import FoundationEssentials
import SluiceFaultKit
import SluiceServerKit
import SluiceSystem
import SluiceTestKit
import Testing

/// The short form of the fault matrix, on servers of its own.
@Suite(.enabled(if: TestServers.areRequired && Executable.arePresent))
struct FaultMatrixTests {
    @Test("every fault: nothing lost, nothing done twice", .timeLimit(.minutes(15)))
    func matrix() async throws {
        let scratch = "/tmp/sluice-faults-\(Environment.processID())"
        let json = scratch + ".json"
        var environment = Environment.all()
        environment["SLUICE_FAULTS_BUILT"] = "1"
        let script = String(#filePath.dropLast("Tests/EndToEndTests/FaultMatrixTests.swift".count)) + "scripts/faults"
        let run = try Executable(
            script,
            ["--short", "--debug", "--json", json],
            environment: environment,
            scratch: "/tmp"
        )
        let status = try await run.exit(within: .seconds(840))
        let text = try #require(Environment.textFile(json), "no table: \(run.errors)")
        let rows = try JSONDecoder().decode([FaultRow].self, from: Data(text.utf8))
        for row in rows where !row.passed {
            Issue.record(
                "\(row.fault): lost \(row.lost), doubled \(row.doubled), \(row.violations) \(row.failure ?? "")"
            )
        }
        #expect(rows.count == Fault.all.count)
        #expect(status == 0, "\(run.errors)")
    }
}
