import SluiceCore
import Testing

@Suite("Fingerprints of failures")
struct FailureFingerprintTests {
    @Test(
        "particulars are folded, words stay",
        arguments: [
            ("no answer within 60 s", "no answer within # s"),
            ("the file 'a b.pdf' has 12 pages", "the file '' has # pages"),
            ("cannot open /srv/in/7.pdf: denied", "cannot open <path>: denied"),
            ("cannot open /srv/in/7.pdf.", "cannot open <path>."),
            ("GET https://a.b/c?d=1 gave 503", "GET <path>=# gave #"),
            ("task 0b5f6c1e-1c1e-4f7a-9d38-aa51d7a0a6a1 is gone", "task # is gone"),
            ("object deadbeef01 of tree", "object # of tree"),
            ("the defaced facade", "the defaced facade"),
            ("it didn't answer, it can't", "it didn't answer, it can't"),
            ("key=\"x y\", row 3", "key=\"\", row #"),
            ("", ""), ("'", "'"), ("a'", "a'"), ("-", "-"),
        ]
    )
    func folds(message: String, expected: String) {
        #expect(TaskFailure(errorClass: "c", message: message).fingerprint == "c: \(expected)")
    }

    @Test("folding twice changes nothing more")
    func stable() {
        for message in ["a 1 /b/c 'd' 0123456789abcdef", "x=5;y=[6,7]", "12ab-34"] {
            let once = TaskFailure(errorClass: "c", message: message).fingerprint
            let twice = TaskFailure(errorClass: "c", message: String(once.dropFirst(3))).fingerprint
            #expect(once == twice)
        }
    }
}
