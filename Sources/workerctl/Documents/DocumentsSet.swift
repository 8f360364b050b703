internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension DocumentsCommand {
    struct SetAttributes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Change what is said of a document: it holds at once, and nothing is read or embedded anew.",
            discussion: """
                For example: workerctl documents set 17 --tag final --principal group:sales
                             workerctl documents set ~/papers/a.pdf --meta year=2026 --principal '*'

                What is given replaces all of its sort: all fields, all tags, all principals. What is not stays.
                """
        )

        @Argument(help: "Its number, URI or path.") var document: String
        @OptionGroup var tenant: TenantOptions
        @OptionGroup var about: AttributeOptions
        @Flag(name: .long, help: "No fields any more.") var noMeta = false
        @Flag(name: .long, help: "No tags any more.") var noTags = false
        @Flag(name: .long, help: "Nobody may find it.") var nobody = false

        func validate() throws {
            let said = try about.attributes()
            if (noMeta && said.metadata != nil) || (noTags && said.tags != nil) || (nobody && said.principals != nil) {
                throw ValidationError("either give values, or take all away")
            }
            if said.isEmpty && !noMeta && !noTags && !nobody { throw ValidationError("say what to change") }
        }

        func run() async throws {
            var attributes = try about.attributes()
            if noMeta { attributes.metadata = [:] }
            if noTags { attributes.tags = [] }
            if nobody { attributes.principals = [] }
            let store = try Session().store
            for record in try await findDocuments(document, tenant.tenant, store) {
                // By number: what audits keep must not name what may be forgotten.
                let event = try await Audit.begin(
                    "documents set",
                    ["tenant": tenant.tenant.rawValue, "document": "\(record.id)"],
                    reason: nil,
                    in: store
                )
                let isThere = try await store.setAttributes(attributes, of: record.id, tenant: tenant.tenant)
                try await store.audited(event, adding: isThere ? 1 : 0, isOver: true)
                guard isThere else {
                    throw CommandFailure(.notFound, "document \(record.id) does not exist any more")
                }
                Terminal.say("document \(record.id) changed")
            }
        }
    }
}
