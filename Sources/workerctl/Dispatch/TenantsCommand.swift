internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants",
        abstract: "Tenants: their shares, pauses, caps and rates.",
        subcommands: [List.self, Show.self, Add.self, Weight.self, Pause.self, Resume.self, Limits.self]
    )

    /// A tenant, in all queues or in one.
    struct Target: ParsableArguments {
        @Argument(help: "The tenant's name.") var tenant: TenantID
        @Option(name: .long, help: "Only in this queue.") var queue: QueueName?

        func editor() async throws -> ControlEditor {
            let store = try await Session().store(with: tenant)
            if let queue, try await !store.hasQueue(queue) {
                throw CommandFailure(.notFound, "there is no queue '\(queue)'")
            }
            return ControlEditor(store: store, scope: .tenant(tenant, in: queue))
        }
    }

    struct WeightOption: ParsableArguments {
        @Option(name: .long, help: "Its share against others, 1 to 1000.") var weight = 1

        func validate() throws { try checkWeight(weight) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List tenants.")

        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let tenants = try await store.tenants(limit: page.limit)
            let controls = try await store.controls()
            if output.json { return try JSON.print(tenants.map { TenantRow($0, controls) }) }
            var table = Table([
                .init("TENANT"), .init("WEIGHT", .right), .init("RUNNING", .right), .init("MAX RUNNING", .right),
                .init("RATE"), .init("STATE"),
            ])
            for tenant in tenants {
                let control = ControlText(controls.first { $0.scope == .tenant(tenant.id, in: nil) })
                table.add([
                    tenant.id.rawValue, "\(tenant.weight)", Format.count(tenant.running), control.maxRunning,
                    control.rate, control.state,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show a tenant with what it has waiting and what is imposed on it."
        )

        @Argument(help: "The tenant's name.") var tenant: TenantID
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try await Session().store(with: tenant)
            guard let found = try await store.tenant(tenant) else { return }
            let controls = try await store.controls()
            let mine = controls.filter { control in
                if case .tenant(let name, _) = control.scope { name == tenant } else { false }
            }
            let backlog = try await store.backlog(of: tenant)
            if output.json {
                return try JSON.print(
                    TenantDetail(
                        tenant: TenantRow(found, controls),
                        controls: mine.map { ControlRow($0.scope, $0) },
                        queues: backlog.map(BacklogRow.init)
                    )
                )
            }
            Terminal.write("\(tenant)  weight \(found.weight), since \(Timestamp.text(found.createdAt))\n")
            for control in mine {
                let text = ControlText(control)
                Terminal.write("\(control.scope)  max running \(text.maxRunning)  rate \(text.rate)  \(text.state)\n")
            }
            if backlog.isEmpty { return }
            var table = Table([.init("QUEUE"), .init("READY", .right), .init("RUNNING", .right)])
            for row in backlog {
                table.add([row.queue.rawValue, Format.count(row.ready), Format.count(row.running)])
            }
            Terminal.write("\n" + table.render())
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Make a tenant known.")

        @Argument(help: "The tenant's name.") var tenant: TenantID
        @OptionGroup var weight: WeightOption

        func run() async throws {
            let store = try Session().store
            if try await store.tenant(tenant) != nil {
                throw CommandFailure(.failed, "there is a tenant '\(tenant)'; 'tenants weight' changes its weight")
            }
            _ = try await store.setWeight(weight.weight, of: tenant, isNew: true)
            Terminal.say("tenant \(tenant) is known, with a weight of \(weight.weight)")
        }
    }

    struct Weight: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "weight",
            abstract: "Change a tenant's share: one of weight 3 gets three places where one of weight 1 gets one."
        )

        @Argument(help: "The tenant's name.") var tenant: TenantID
        @Argument(help: "1 to 1000.") var weight: Int

        func validate() throws { try checkWeight(weight) }

        func run() async throws {
            _ = try await Session().store(with: tenant).setWeight(weight, of: tenant)
            Terminal.say("tenant \(tenant) has a weight of \(weight)")
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Let nothing of a tenant start; what runs goes on."
        )

        @OptionGroup var target: Target
        @OptionGroup var pause: PauseOptions

        func run() async throws { try await target.editor().pause(pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "resume", abstract: "End a tenant's pause.")

        @OptionGroup var target: Target

        func run() async throws { try await target.editor().resume() }
    }

    struct Limits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "limits",
            abstract: "Show or set how many tasks of a tenant run at once, and how many start in a time.",
            discussion: "workerctl tenants limits acme --queue embedding --set concurrency=4"
        )

        @OptionGroup var target: Target
        @OptionGroup var limits: LimitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await target.editor().limits(limits, output) }
    }
}

private func checkWeight(_ weight: Int) throws {
    guard (1...1_000).contains(weight) else { throw ValidationError("a weight is 1 to 1000, not \(weight)") }
}

extension Session {
    /// The store, when it knows the tenant.
    fileprivate func store(with tenant: TenantID) async throws -> Store {
        guard try await store.tenant(tenant) != nil else {
            throw CommandFailure(.notFound, "there is no tenant '\(tenant)'; 'tenants add' makes one known")
        }
        return store
    }
}

private struct TenantRow: Encodable {
    let id: String
    let weight: Int
    let running: Int
    let createdAt: String
    let control: ControlRow

    init(_ tenant: TenantRecord, _ controls: [ControlRecord]) {
        id = tenant.id.rawValue
        weight = tenant.weight
        running = tenant.running
        createdAt = Timestamp.text(tenant.createdAt)
        let scope = ControlScope.tenant(tenant.id, in: nil)
        control = ControlRow(scope, controls.first { $0.scope == scope })
    }
}

private struct BacklogRow: Encodable {
    let queue: String
    let ready: Int
    let running: Int

    init(_ row: TenantBacklogRecord) {
        queue = row.queue.rawValue
        ready = row.ready
        running = row.running
    }
}

private struct TenantDetail: Encodable {
    let tenant: TenantRow
    let controls: [ControlRow]
    let queues: [BacklogRow]
}
