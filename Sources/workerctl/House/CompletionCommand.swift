internal import ArgumentParser

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print a completion script for a shell.",
        discussion: "For example: workerctl completion bash > /etc/bash_completion.d/workerctl"
    )

    @Argument(help: "bash, zsh or fish.") var shell: String

    func validate() throws {
        guard CompletionShell.allCases.contains(where: { $0.rawValue == shell }) else {
            throw ValidationError("there is no completion for '\(shell)'; bash, zsh and fish are there")
        }
    }

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell) else { return }
        Terminal.write(Workerctl.completionScript(for: shell) + "\n")
    }
}
