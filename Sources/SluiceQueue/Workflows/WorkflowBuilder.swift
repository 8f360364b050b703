package import SluiceCore

/// Puts a workflow together node by node. `build` checks it.
///
///     var builder = WorkflowBuilder(label: "nightly")
///     let fetch = try builder.task("fetch", FetchPages(site: 7), tenant: tenant)
///     let pages = builder.batch("pages", pages, after: [fetch])
///     try builder.task("report", Report(), tenant: tenant, after: [pages], on: .onComplete)
///     let workflow = try builder.build()
package struct WorkflowBuilder: Sendable {
    private var workflow: Workflow
    private var callbacks: [(condition: Workflow.Condition, task: NewTask)] = []

    package init(label: String = "", onDead: Workflow.DeadPolicy = .wait) {
        workflow = Workflow(label: label, onDead: onDead)
    }

    /// Adds a task. Returns its name, for what comes after it.
    @discardableResult
    package mutating func task(
        _ name: String,
        _ task: NewTask,
        after: [String] = [],
        on condition: Workflow.Condition = .onSuccess
    ) -> String {
        add(name, .task(task), after.map { Workflow.Edge($0, condition) })
    }

    /// Adds a task of a kind, with the kind's policies.
    @discardableResult
    package mutating func task<Input: TaskInput>(
        _ name: String,
        _ input: Input,
        tenant: TenantID,
        after: [String] = [],
        on condition: Workflow.Condition = .onSuccess
    ) throws -> String {
        task(name, try NewTask(input, tenant: tenant), after: after, on: condition)
    }

    /// Adds a batch inside: it ends when all in it has ended.
    @discardableResult
    package mutating func batch(
        _ name: String,
        _ inner: Workflow,
        after: [String] = [],
        on condition: Workflow.Condition = .onSuccess
    ) -> String {
        add(name, .batch(inner), after.map { Workflow.Edge($0, condition) })
    }

    /// Makes a node come after another one as well, with a condition of its own.
    package mutating func edge(from before: String, to name: String, on condition: Workflow.Condition = .onSuccess) {
        guard let place = workflow.nodes.firstIndex(where: { $0.name == name }) else { return missing.append(name) }
        workflow.nodes[place].after.append(Workflow.Edge(before, condition))
    }

    /// A task that follows the whole: on success when nothing is dead or was cancelled, on failure otherwise, on completion
    /// always. Under `wait` dead letters hold all of them back.
    package mutating func callback(_ condition: Workflow.Condition, _ task: NewTask) {
        callbacks.append((condition, task))
    }

    /// Names that `edge` did not find.
    private var missing: [String] = []

    private mutating func add(_ name: String, _ work: Workflow.Work, _ after: [Workflow.Edge]) -> String {
        workflow.nodes.append(Workflow.Node(name, work, after: after))
        return name
    }

    /// The workflow. With callbacks, what was built is a batch `main` inside of it, and they come after that.
    package func build() throws(WorkflowError) -> Workflow {
        if let name = missing.first { throw WorkflowError("an edge leads to '\(name)', which is no node") }
        var result = workflow
        if !callbacks.isEmpty {
            // The callbacks must hear of a failure that `main` itself goes on through.
            result = Workflow(label: workflow.label, onDead: workflow.onDead == .wait ? .wait : .fail)
            result.nodes.append(Workflow.Node("main", .batch(workflow)))
            for (number, callback) in callbacks.enumerated() {
                let twins = callbacks[..<number].count { $0.condition == callback.condition }
                let name = callback.condition.rawValue + (twins == 0 ? "" : "_\(twins + 1)")
                result.nodes.append(
                    Workflow.Node(name, .task(callback.task), after: [Workflow.Edge("main", callback.condition)])
                )
            }
        }
        try result.validate()
        return result
    }
}
