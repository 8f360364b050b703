/// The version of this build: what `--version`, registrations of workers and fingerprints show.
package enum Version {
    package static let text = "0.1.0"
}
