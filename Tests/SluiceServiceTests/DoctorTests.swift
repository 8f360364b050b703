import SluiceCore
import Testing

@testable import SluiceService
@testable import SluiceStore

@Suite("What the doctor makes of a fleet's facts")
struct DoctorTests {
    private func facts(
        isPooled: Bool = false,
        missing: [String] = [],
        skew: Double = 0.1,
        live: Int64 = 10,
        dead: Int64 = 500,
        horizon: (holder: String, age: Int64)? = nil,
        strays: Int = 0,
        versions: [String] = ["0.1.0"],
        isLed: Bool = true,
        lag: Double? = 0.5
    ) -> FleetFacts {
        FleetFacts(
            isPooled: isPooled,
            missingSettings: missing,
            clockSkewSeconds: skew,
            liveTasks: live,
            deadTaskRows: dead,
            horizon: horizon,
            strayArchiveRows: strays,
            versions: versions,
            isLed: isLed,
            relayLagSeconds: lag
        )
    }

    private func ills(_ facts: FleetFacts, grace: String? = nil) throws -> [String: String] {
        var environment = ["SLUICE_DATABASE_URL": "postgresql://h/d", "SLUICE_DRAIN_TIMEOUT_SECONDS": "60"]
        environment["SLUICE_TERMINATION_GRACE_SECONDS"] = grace
        let settings = try Settings(environment: environment, home: nil, readFile: { _ in nil })
        let found = Doctor.findings(facts, settings).filter { $0.verdict != .ok }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.check, $0.message) })
    }

    @Test("nothing is wrong with a fleet in order, pooled or not")
    func well() throws {
        #expect(try ills(facts()).isEmpty)
        #expect(try ills(facts(isPooled: true, versions: [])).isEmpty)
        #expect(try ills(facts(), grace: "65").isEmpty)
    }

    @Test("settings that a pooler drops are named")
    func sessions() throws {
        let found = try ills(facts(isPooled: true, missing: ["sluice.tenant", "search_path"]))
        #expect(found["sessions"]?.contains("sluice.tenant, search_path") == true)
    }

    @Test(
        "a clock that differs is said to be before or behind",
        arguments: [(-60.0, "60 s ahead"), (60, "60 s behind")]
    )
    func clock(skew: Double, words: String) throws {
        #expect(try ills(facts(skew: skew))["clock"]?.contains(words) == true)
    }

    @Test("dead rows are blamed on who holds them")
    func deadRows() throws {
        let holder = (holder: "a session idle in a transaction (process 7, psql)", age: Int64(2_000_000))
        let found = try ills(facts(live: 1_000, dead: 900_000, horizon: holder))
        #expect(found["dead rows"]?.contains("process 7") == true)
        #expect(found["horizon"]?.contains("2000000") == true)
        #expect(try ills(facts(live: 1_000_000, dead: 900_000)).isEmpty, "many live rows may have many dead ones")
    }

    @Test("no leader, a late relay, mixed versions and rows outside of the archive's days are told")
    func others() throws {
        #expect(try ills(facts(isLed: false))["coordinator"]?.contains("none leads") == true)
        #expect(try ills(facts(lag: 45))["coordinator"]?.contains("45 s behind") == true)
        #expect(try ills(facts(versions: ["0.1.0", "0.2.0"]))["versions"]?.contains("0.1.0 and 0.2.0") == true)
        #expect(try ills(facts(strays: 3))["archive"] != nil)
    }

    @Test("a grace period shorter than the drain is too short")
    func grace() throws {
        #expect(try ills(facts(), grace: "30")["grace period"]?.contains("raise it to 65 s") == true)
    }
}
