import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Plans of workflows")
struct WorkflowPlanTests {
    private typealias Edge = Workflow.Edge
    private typealias Node = Workflow.Node

    private static func task(_ name: String) -> NewTask {
        NewTask(tenant: .default, queue: .ingestion, kind: TaskKind(trusted: "noop"), payload: "{}")
    }

    private func node(_ name: String, after: [Edge] = []) -> Node { Node(name, .task(Self.task(name)), after: after) }

    @Test("cycles are refused, and named")
    func cycles() {
        let loop = Workflow(nodes: [
            node("start"), node("a", after: [Edge("start"), Edge("c")]), node("b", after: [Edge("a")]),
            node("c", after: [Edge("b", .onComplete)]), node("end", after: [Edge("c")]),
        ])
        let error = #expect(throws: WorkflowError.self) { try loop.validate() }
        for name in ["a", "b", "c"] { #expect(error?.description.contains(name) == true) }
        #expect(throws: WorkflowError.self) { try Workflow(nodes: [node("a", after: [Edge("a")])]).validate() }
    }

    @Test("what could not be stored or never end is refused, also deep inside")
    func refusals() {
        let bad: [Workflow] = [
            Workflow(),
            Workflow(nodes: [node("a"), node("a")]),
            Workflow(nodes: [node("")]),
            Workflow(nodes: [node("a", after: [Edge("b")])]),
            Workflow(nodes: [node("a"), node("b", after: [Edge("a"), Edge("a", .onFailure)])]),
            Workflow(nodes: [Node("inner", .batch(Workflow()))]),
        ]
        for workflow in bad {
            #expect(throws: WorkflowError.self) { try workflow.validate() }
            #expect(throws: WorkflowError.self) {
                try Workflow(nodes: [Node("outer", .batch(workflow))]).validate()
            }
        }
        var deep = Workflow(nodes: [node("a")])
        for _ in 0..<Workflow.maxDepth { deep = Workflow(nodes: [Node("d", .batch(deep))]) }
        #expect(throws: WorkflowError.self) { try deep.validate() }
    }

    @Test("a plan numbers batches before what is in them and says what waits for what")
    func plan() throws {
        let inner = Workflow(nodes: [node("x"), node("y", after: [Edge("x")])])
        let plan = try WorkflowPlan(
            Workflow(nodes: [Node("in", .batch(inner), after: [Edge("a")]), node("a"), Node("free", .batch(inner))])
        )
        #expect(plan.batches.map(\.parent) == [nil, 0, 0])
        #expect(plan.batches.map(\.innerBatches) == [2, 0, 0])
        #expect(plan.batches.map(\.label) == ["", "in", "free"])
        #expect(plan.nodes.map(\.name) == ["in", "a", "free", "x", "y", "x", "y"])
        #expect(plan.nodes.map(\.isReleased) == [false, true, true, false, false, true, false])
        #expect(plan.nodes.map(\.waitsFor) == [1, 0, 0, 1, 2, 0, 1])
    }

    @Test("random plans hold together", arguments: 0..<200)
    func randomPlans(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let workflow = RandomWorkflow.make(using: &random, size: 9, depth: 3, task: Self.task)
        let plan = try WorkflowPlan(workflow)
        #expect(plan.nodes.count == workflow.nodeCount)
        for (place, node) in plan.nodes.enumerated() {
            if case .batch(let child) = node.work { #expect(plan.batches[child].parent == node.batch) }
            #expect(node.isReleased == (node.waitsFor == 0))
            #expect(node.after.allSatisfy { plan.nodes[$0.node].batch == node.batch && $0.node != place })
        }
    }

    @Test("JSON: the documented form, and what is wrong with others")
    func file() throws {
        let text = """
            {"label": "nightly", "on_dead": "continue", "nodes": [
                {"name": "fetch", "task": {"kind": "a.b", "queue": "ingestion", "payload": {"n": 9007199254740993, "x": [1.5, null]},
                    "priority": 2, "max_attempts": 4, "timeout_seconds": 7, "delay_seconds": 1.5, "unique_key": "k"}},
                {"name": "pages", "after": ["fetch"], "batch": {"nodes": [
                    {"name": "one", "task": {"kind": "a.c", "queue": "embedding", "payload": {}}}]}},
                {"name": "alarm", "after": [{"node": "pages", "on": "on_failure"}, "fetch"],
                    "task": {"kind": "a.d", "queue": "maintenance", "payload": "text"}}],
             "callbacks": {"on_complete": {"kind": "a.e", "queue": "maintenance", "payload": 1}}}
            """
        let workflow = try WorkflowFile.parse(Array(text.utf8), tenant: .default)
        #expect(
            workflow.label == "nightly" && workflow.onDead == .fail
                && workflow.nodes.map(\.name) == ["main", "on_complete"]
        )
        guard case .batch(let main) = workflow.nodes[0].work, case .task(let fetch) = main.nodes[0].work else {
            Issue.record("no batch main with a task")
            return
        }
        #expect(main.onDead == .continue)
        #expect(fetch.payload == #"{"n":9007199254740993,"x":[1.5,null]}"#)
        #expect(fetch.priority == 2 && fetch.maxAttempts == 4 && fetch.timeout == .seconds(7) && fetch.uniqueKey == "k")
        #expect(fetch.delay == .seconds(1.5))
        #expect(main.nodes[2].after == [Edge("pages", .onFailure), Edge("fetch")])
        for (bad, hint) in [
            ("{", "JSON"), ("{}", "nodes"), (#"{"nodes": [{"name": "a"}]}"#, "either"),
            (#"{"nodes": [], "on_daed": "wait"}"#, "on_daed"), (#"{"nodes": [], "on_dead": "explode"}"#, "on_dead"),
            (#"{"nodes": [{"name": "a", "task": {"kind": "A", "queue": "q", "payload": 1}}]}"#, "kind"),
        ] {
            let error = #expect(throws: WorkflowError.self) {
                _ = try WorkflowFile.parse(Array(bad.utf8), tenant: .default)
            }
            #expect(error?.description.contains(hint) == true, "\(bad): \(error?.description ?? "")")
        }
    }
}
