internal import SluiceCore

/// Why texts were not embedded. Never contains a text.
package enum InferenceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The OpenVINO library or its tokenizer extension cannot be opened.
    case libraryUnusable(path: String, reason: String)
    /// The model's folder lacks something or does not fit this program.
    case modelUnusable(directory: String, reason: String)
    /// The texts at these places have more tokens than the model takes. Nothing was embedded: split them and ask again.
    case tooLong(indices: [Int], limit: Int)
    /// The model gave infinities, NaN or zero vectors for the texts at these places.
    case nonFinite(indices: [Int])
    /// OpenVINO reported an error while it ran.
    case runtime(operation: String, reason: String)
    /// A server that judges or embeds gave no usable answer.
    case remote(host: String, reason: String, isTransient: Bool)
    /// The calling task was cancelled.
    case cancelled

    package var description: String {
        switch self {
        case .libraryUnusable(let path, let reason):
            "cannot open OpenVINO at \(path): \(reason); run scripts/setup or set SLUICE_OPENVINO_LIBRARY"
        case .modelUnusable(let directory, let reason):
            "the embedding model in \(directory) cannot be used: \(reason)"
        case .tooLong(let indices, let limit):
            "\(indices.count) of the texts have more than the model's \(limit) tokens; split them further"
        case .nonFinite(let indices):
            "the model gave no usable vector for \(indices.count) of the texts; check the model's export"
        case .runtime(let operation, let reason): "OpenVINO failed to \(operation): \(reason)"
        case .remote(let host, let reason, _): "the model behind \(host) gave no answer: \(reason)"
        case .cancelled: "the embedding was cancelled"
        }
    }

    /// Short and stable, for policies and grouping.
    package var errorClass: String {
        switch self {
        case .libraryUnusable: "inference.library"
        case .modelUnusable: "inference.model"
        case .tooLong: "inference.too_long"
        case .nonFinite: "inference.non_finite"
        case .runtime: "inference.runtime"
        case .remote: "inference.remote"
        case .cancelled: "inference.cancelled"
        }
    }
}

extension InferenceError: TransientFailure {
    /// A run can fail for want of memory, which passes; all else stays as it is until someone changes something.
    package var isTransient: Bool {
        switch self {
        case .runtime, .cancelled: true
        case .remote(_, _, let isTransient): isTransient
        default: false
        }
    }
}
