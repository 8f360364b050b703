#if DEBUG
    internal import Glibc
    internal import SluiceSystem
    internal import Synchronization

    /// Which statements of the code a real server has run, for `scripts/test`, which fails when a test run leaves one out.
    ///
    /// Off unless `SLUICE_TEST_STATEMENT_LOG` names a file; every process of a test run appends `Module/File.swift:line` to it,
    /// once. Debug builds only.
    enum StatementLog {
        private static let file: Int32? = Environment.value("SLUICE_TEST_STATEMENT_LOG").map {
            open($0, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        }
        private static let seen = Mutex<Set<String>>([])

        static func ran<Row>(_ statement: Statement<Row>) {
            guard let file, file >= 0 else { return }
            let site = "\(statement.file):\(statement.line)"
            guard seen.withLock({ $0.insert(site).inserted }) else { return }
            // One write, shorter than a page: lines of several processes do not mix.
            let bytes = Array("\(site)\n".utf8)
            _ = write(file, bytes, bytes.count)
        }
    }
#endif
