internal import FoundationEssentials
package import SluiceCore

/// The JSON form of a workflow, as `workerctl batches create --file` reads it. Unknown keys are refused.
///
///     {"label": "nightly", "on_dead": "wait", "nodes": [
///       {"name": "fetch", "task": {"kind": "document.ingest", "queue": "ingestion", "payload": {"document": 7}}},
///       {"name": "pages", "batch": {"on_dead": "continue", "nodes": […]}, "after": ["fetch"]},
///       {"name": "alarm", "task": {…}, "after": [{"node": "pages", "on": "on_failure"}]}],
///      "callbacks": {"on_success": {…task}, "on_failure": {…}, "on_complete": {…}}}
package enum WorkflowFile {
    /// - Parameter text: UTF-8 JSON.
    package static func parse(_ text: [UInt8], tenant: TenantID) throws(WorkflowError) -> Workflow {
        let root: Batch
        do {
            root = try JSONDecoder().decode(Batch.self, from: Data(text))
        } catch let error as DecodingError {
            throw WorkflowError(explain(error))
        } catch {
            throw WorkflowError("the file is no workflow: \(error)")
        }
        return try root.workflow(tenant)
    }

    private static func explain(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
            return path.isEmpty ? "the file" : path
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(place(context)): '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(place(context)): \(context.debugDescription)"
        case .dataCorrupted(let context): "\(place(context)): \(context.debugDescription)"
        @unknown default: "the file is no workflow"
        }
    }

    private struct Batch: Decodable {
        let label: String?
        let onDead: Workflow.DeadPolicy?
        let nodes: [Node]
        let callbacks: [String: Task]?

        init(from decoder: any Decoder) throws {
            let keys = try KeyedFields(decoder, ["label", "on_dead", "nodes", "callbacks"])
            label = try keys.optional("label")
            onDead = try keys.optional("on_dead")
            nodes = try keys.required("nodes")
            callbacks = try keys.optional("callbacks")
        }

        func workflow(_ tenant: TenantID) throws(WorkflowError) -> Workflow {
            var builder = WorkflowBuilder(label: label ?? "", onDead: onDead ?? .wait)
            for node in nodes {
                switch (node.task, node.batch) {
                case (let task?, nil): builder.task(node.name, try task.task(tenant))
                case (nil, let batch?): builder.batch(node.name, try batch.workflow(tenant))
                default: throw WorkflowError("node '\(node.name)' needs either 'task' or 'batch'")
                }
                for edge in node.after ?? [] { builder.edge(from: edge.node, to: node.name, on: edge.on) }
            }
            for (name, task) in (callbacks ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let condition = Workflow.Condition(rawValue: name) else {
                    throw WorkflowError("callbacks are on_success, on_failure and on_complete, not '\(name)'")
                }
                builder.callback(condition, try task.task(tenant))
            }
            return try builder.build()
        }
    }

    private struct Node: Decodable {
        let name: String
        let task: Task?
        let batch: Batch?
        let after: [Edge]?

        init(from decoder: any Decoder) throws {
            let keys = try KeyedFields(decoder, ["name", "task", "batch", "after"])
            name = try keys.required("name")
            task = try keys.optional("task")
            batch = try keys.optional("batch")
            after = try keys.optional("after")
        }
    }

    private struct Edge: Decodable {
        let node: String
        let on: Workflow.Condition

        init(from decoder: any Decoder) throws {
            if let name = try? decoder.singleValueContainer().decode(String.self) {
                (node, on) = (name, .onSuccess)
                return
            }
            let keys = try KeyedFields(decoder, ["node", "on"])
            node = try keys.required("node")
            on = try keys.optional("on") ?? .onSuccess
        }
    }

    private struct Task: Decodable {
        let kind: String
        let queue: String
        let payload: JSONValue
        let payloadVersion, priority, maxAttempts, timeout: Int?
        let delay: Double?
        let uniqueKey: String?

        init(from decoder: any Decoder) throws {
            let keys = try KeyedFields(
                decoder,
                [
                    "kind", "queue", "payload", "payload_version", "priority", "max_attempts", "timeout_seconds",
                    "delay_seconds", "unique_key",
                ]
            )
            kind = try keys.required("kind")
            queue = try keys.required("queue")
            payload = try keys.required("payload")
            payloadVersion = try keys.optional("payload_version")
            priority = try keys.optional("priority")
            maxAttempts = try keys.optional("max_attempts")
            timeout = try keys.optional("timeout_seconds")
            delay = try keys.optional("delay_seconds")
            uniqueKey = try keys.optional("unique_key")
        }

        func task(_ tenant: TenantID) throws(WorkflowError) -> NewTask {
            guard let kind = TaskKind(rawValue: kind), let queue = QueueName(rawValue: queue) else {
                throw WorkflowError("kind '\(kind)' or queue '\(queue)': \(NameRule.sentence)")
            }
            guard (1...86_400_000).contains(timeout ?? 60), (0...3.2e9).contains(delay ?? 0) else {
                throw WorkflowError("kind '\(kind)': timeout_seconds must be 1 or more, delay_seconds 0 or more")
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            guard let json = try? encoder.encode(payload) else {
                throw WorkflowError("kind '\(kind)': the payload cannot be written as JSON")
            }
            return NewTask(
                tenant: tenant,
                queue: queue,
                kind: kind,
                payload: String(decoding: json, as: UTF8.self),
                payloadVersion: payloadVersion ?? 1,
                priority: priority ?? 5,
                delay: .seconds(delay ?? 0),
                maxAttempts: maxAttempts ?? RetryPolicy.standard.maxAttempts,
                timeout: .seconds(timeout ?? 60),
                uniqueKey: uniqueKey
            )
        }
    }
}
