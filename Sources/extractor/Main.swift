internal import Glibc
internal import SluiceExtraction
internal import SluiceSystem

/// `extractor --serve …` is started by workers only; `extractor --self-test` is for people.
@main
struct Main {
    static func main() {
        Environment.ignoreBrokenPipes()
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "--serve":
            guard let options = ExtractorOptions(arguments.dropFirst()) else { usage() }
            exit(ExtractorService(options).run())
        case "--self-test":
            let (json, isConfined) = SelfTest.report(
                executable: Environment.executablePath() ?? CommandLine.arguments[0]
            )
            print(json)
            exit(isConfined ? 0 : 1)
        case "--probe":
            if arguments.count == 2 { SelfTest.attempt(arguments[1]) }
            usage()
        case "--version":
            print(Readers.name)
        default:
            usage()
        }
    }

    static func usage() -> Never {
        let text = """
            usage: extractor --self-test | --version
            Workers start this program themselves, to read untrusted documents in a confined process.

            """
        write(2, text, text.utf8.count)
        exit(64)
    }
}
