internal import FoundationEssentials
package import SluiceCore

extension NewTask {
    /// A task of this kind, with its payload encoded and the kind's policies.
    package init<Input: TaskInput>(
        _ input: Input,
        tenant: TenantID,
        priority: Int = 5,
        delay: Duration = .zero,
        batch: BatchID? = nil,
        uniqueKey: String? = nil,
        onConflict: ConflictPolicy = .keep
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(
            tenant: tenant,
            queue: Input.queue,
            kind: Input.kind,
            payload: String(decoding: try encoder.encode(input), as: UTF8.self),
            payloadVersion: Input.payloadVersion,
            priority: priority,
            delay: delay,
            maxAttempts: Input.retry.maxAttempts,
            timeout: Input.timeout,
            batch: batch,
            uniqueKey: uniqueKey,
            onConflict: onConflict
        )
        routingFields = Input.routingFields
    }
}
