internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

extension SchedulesCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a schedule, and show when it fires next.",
            discussion: """
                For example: workerctl schedules add nightly '30 4 * * MON-FRI' --time-zone Europe/Berlin --kind report.make
                             workerctl schedules add probe '@every 15m' --kind noop --overlap skip

                RULE is five cron fields (minute, hour, day of month, month, day of week; lists, ranges, steps, names, L for
                the last day of the month), @hourly, @daily, @weekly, @monthly, @yearly, or '@every 1h30m'.

                When clocks change: times of the day fire once each, one that is jumped over at the first moment after the
                gap, one that comes twice the first time; rules with an open minute or hour (*, */n) follow real time.

                --catch-up says what becomes of fires that no coordinator was there for (more than a minute late): 'skip'
                none runs, 'latest' the last one, 'all' the newest --catch-up-limit. --overlap says what becomes of a fire
                while an earlier task of the schedule is live: 'allow' it runs too, 'skip' it does not run, 'queue_one' one
                waits for the earlier tasks to settle and further ones are skipped.
                """
        )

        @Argument(help: "A name; a tenant has each once.") var name: ScheduleName
        @Argument(help: "When it fires.") var rule: String
        @OptionGroup var tenant: TenantOptions
        @Option(name: .long, help: "The zone of the rule's times, as tzdata names it.") var timeZone = "UTC"
        @Option(name: .long, help: "The kind of the tasks.") var kind: TaskKind
        @Option(name: .long, help: "Their queue; by default that of the kind.") var queue: QueueName?
        @Option(name: .long, help: "Their payload, a JSON object.") var payload = "{}"
        @Option(name: .long, help: "Put the time of the fire into the payload under this key.") var fireTimeKey: String?
        @Option(name: .long, help: "0 to 9, smaller first.") var priority = 5
        @Option(name: .long, help: "Attempts of a task, 1 to 32767; by default those of the kind.") var maxAttempts:
            Int?
        @Option(name: .long, help: "Seconds for one attempt; by default those of the kind.") var timeout: Int?
        @Option(name: .long, help: "Missed fires: skip, latest or all.") var catchUp = CatchUpPolicy.latest
        @Option(name: .long, help: "With --catch-up all: at most so many, 1 to 1000.") var catchUpLimit = 100
        @Option(name: .long, help: "Beside a live task: allow, skip or queue_one.") var overlap = OverlapPolicy.allow
        @Flag(name: .long, help: "Add it paused.") var paused = false
        @Flag(name: .long, help: "Only check it and show when it would fire.") var dryRun = false
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (0...9).contains(priority) else { throw ValidationError("--priority must be 0 to 9") }
            if let maxAttempts, !(1...32_767).contains(maxAttempts) {
                throw ValidationError("--max-attempts must be 1 to 32767")
            }
            if let timeout, !(1...2_000_000_000).contains(timeout) {
                throw ValidationError("--timeout must be at least 1 second")
            }
            guard (1...1_000).contains(catchUpLimit) else {
                throw ValidationError("--catch-up-limit must be 1 to 1000")
            }
            if let fireTimeKey, !NameRule.accepts(fireTimeKey) {
                throw ValidationError("--fire-time-key '\(fireTimeKey)' is no name: \(NameRule.sentence)")
            }
            guard
                payload.utf8.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x09 && $0 != 0x0D })
                    == UInt8(ascii: "{"),
                (try? JSONDecoder().decode(AnyJSON.self, from: Data(payload.utf8))) != nil
            else { throw ValidationError("--payload is not a JSON object") }
        }

        func run() async throws {
            let times: FireTimes
            do {
                times = FireTimes(try FireRule(rule), in: try TimeZones().rules(named: timeZone))
            } catch {
                throw CommandFailure(.usage, error.description)
            }
            let store = try Session().store
            let schedule = try schedule(times.rule, try await store.defaults(of: kind))
            if !dryRun {
                try await scheduleErrors { try await store.addSchedule(schedule, times: times, isPaused: paused) }
            }
            let next = NextFires(times, after: try await store.time(), count: 3)
            if output.json {
                return try JSON.print(
                    Added(
                        isDryRun: dryRun,
                        tenant: schedule.tenant.rawValue,
                        name: name.rawValue,
                        rule: schedule.rule.text,
                        timeZone: timeZone,
                        paused: paused,
                        nextFires: next.fires
                    )
                )
            }
            Terminal.write(
                "schedule \(name) \(dryRun ? "would be added" : paused ? "added, paused" : "added"): "
                    + "\(schedule.rule.text) in \(timeZone), \(schedule.kind) in \(schedule.queue)\n" + next.text
            )
        }

        private func schedule(_ rule: FireRule, _ known: KindDefaultsRecord?) throws -> NewSchedule {
            guard let queue = queue ?? known?.queue else {
                throw CommandFailure(.usage, "the kind '\(kind)' has no queue in kind_defaults; name it with --queue")
            }
            return NewSchedule(
                tenant: tenant.tenant,
                name: name,
                rule: rule,
                timeZone: timeZone,
                queue: queue,
                kind: kind,
                payload: payload,
                payloadVersion: known?.payloadVersion ?? 1,
                fireTimeKey: fireTimeKey,
                priority: priority,
                maxAttempts: maxAttempts ?? known?.maxAttempts ?? RetryPolicy.standard.maxAttempts,
                timeout: .seconds(timeout ?? known?.timeoutSeconds ?? 60),
                catchUp: catchUp,
                catchUpLimit: catchUpLimit,
                overlap: overlap
            )
        }

        /// Reading anything at all shows whether the whole is JSON.
        private struct AnyJSON: Decodable {
            init(from decoder: any Decoder) {}
        }

        private struct Added: Encodable {
            let schema = "sluice.schedule_added/v1"
            let isDryRun: Bool
            let tenant: String
            let name: String
            let rule: String
            let timeZone: String
            let paused: Bool
            let nextFires: [NextFires.Fire]

            enum CodingKeys: String, CodingKey {
                case schema, isDryRun = "dryRun", tenant, name, rule, timeZone, paused, nextFires
            }
        }
    }
}
