internal import SluiceBroker
internal import SluiceCore
internal import SluiceInference
package import SluiceStore

/// Examines everything that a fleet rests on.
package struct Doctor: Sendable {
    package struct Finding: Sendable {
        package enum Verdict: String, Sendable { case ok, warning, failure }
        package let check: String
        package let verdict: Verdict
        /// What was found and, unless all is well, what to do.
        package let message: String
    }

    let settings: Settings
    let store: Store

    package init(settings: Settings, store: Store) {
        self.settings = settings
        self.store = store
    }

    /// Never throws: what cannot be asked is a finding.
    package func examine() async -> [Finding] {
        var findings = await postgres()
        // Without a schema there is no fleet to ask after.
        if findings.contains(where: { $0.check == "schema" && $0.verdict == .ok }) { findings += await fleet() }
        let redis = await redis()
        findings += redis
        if !redis.contains(where: { $0.verdict == .failure }) { findings += await divergence() }
        findings.append(model())
        return findings
    }

    private func postgres() async -> [Finding] {
        let facts: DatabaseFacts
        do {
            facts = try await store.facts()
        } catch {
            return [
                Finding(check: "PostgreSQL", verdict: .failure, message: "\(MaskedURL(settings.databaseURL)): \(error)")
            ]
        }
        var findings = [Finding(check: "PostgreSQL", verdict: .ok, message: "version \(facts.version)")]
        func add(_ check: String, _ isWell: Bool, _ well: String, _ ill: String, _ level: Finding.Verdict = .failure) {
            findings.append(Finding(check: check, verdict: isWell ? .ok : level, message: isWell ? well : ill))
        }
        add(
            "pgvector",
            facts.vectorVersion.map(VectorVersion.isSupported) ?? false,
            "version \(facts.vectorVersion ?? "?")",
            "version \(facts.vectorVersion ?? "none"): 0.8.4 or newer is needed, older ones can corrupt HNSW indexes; "
                + "ALTER EXTENSION vector UPDATE"
        )
        add(
            "role",
            !facts.bypassesRowSecurity,
            "row-level security binds it",
            "it is a superuser or has BYPASSRLS, so tenants are not separated; connect as a plain role (deploy/roles.sql)"
        )
        do {
            let pending = try await Migrator(store).status().filter { $0.appliedAt == nil }
            add("schema", pending.isEmpty, "up to date", "\(pending.count) migrations are pending: workerctl migrate")
        } catch {
            add("schema", false, "", "\(error)")
        }
        add(
            "isolation",
            facts.unprotectedTables.isEmpty,
            "row-level security is forced on every table with a tenant",
            "not forced on \(facts.unprotectedTables.joined(separator: ", ")): ALTER TABLE … FORCE ROW LEVEL SECURITY"
        )
        add(
            "durability",
            facts.isDurable,
            "fsync and synchronous_commit are on",
            "fsync or synchronous_commit is off: a crash of the server can lose committed tasks",
            .warning
        )
        add(
            "indexes",
            facts.invalidIndexes.isEmpty,
            "all valid",
            "invalid: \(facts.invalidIndexes.joined(separator: ", ")); enqueue index.build or REINDEX them"
        )
        add(
            "batches",
            facts.divergingBatches == 0,
            "counters agree with their tasks",
            "\(facts.divergingBatches) batches count other than their tasks; please report this"
        )
        let age = facts.oldestTransactionSeconds ?? 0
        add(
            "transactions",
            age < 600,
            "none is open for long",
            "one has been open for \(Int(age)) s and keeps dead rows from being removed; see pg_stat_activity",
            .warning
        )
        return findings
    }

    private func redis() async -> [Finding] {
        do {
            guard let configuration = try settings.redisConfiguration() else {
                return [
                    Finding(
                        check: "Redis",
                        verdict: .warning,
                        message: "not configured: workers claim straight from PostgreSQL; set SLUICE_REDIS_URL"
                    )
                ]
            }
            let health = try await RedisHealth.read(configuration)
            guard health.evictionPolicy == "noeviction" else {
                return [
                    Finding(
                        check: "Redis",
                        verdict: .warning,
                        message: "maxmemory-policy is \(health.evictionPolicy): set noeviction, or dispatching stutters"
                    )
                ]
            }
            return [Finding(check: "Redis", verdict: .ok, message: "version \(health.version), noeviction")]
        } catch {
            return [
                Finding(
                    check: "Redis",
                    verdict: .failure,
                    message: "\(settings.redisURL.map { "\(MaskedURL($0))" } ?? ""): \(error)"
                )
            ]
        }
    }

    private func model() -> Finding {
        do {
            let model = try settings.modelDescription()
            return Finding(
                check: "model",
                verdict: .ok,
                message:
                    "\(model.name), \(model.dimension) numbers, at most \(model.maxTokens) tokens, \(model.precision.rawValue)"
            )
        } catch {
            return Finding(check: "model", verdict: .failure, message: "\(error)")
        }
    }
}
