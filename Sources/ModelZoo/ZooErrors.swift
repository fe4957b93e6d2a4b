import Base

// What several places of this module throw.

extension VitvideoError {
    /// A name that no known model has.
    package static func unknownModel(_ name: String) -> VitvideoError {
        if name.hasPrefix(HubReference.prefix) {
            return VitvideoError(
                .usage,
                reason: "\(quoted(name)) names no repository; write hf:owner/name, or hf:owner/name/file")
        }
        let known = ModelZoo.entries.map(\.name).joined(separator: ", ")
        return VitvideoError(.usage, reason: "unknown model '\(name)'; known models: \(known)")
    }

    /// A known model whose weights are nowhere on this machine.
    package static func weightsNotFound(model: String, path: String, source: String) -> VitvideoError {
        VitvideoError(
            .unavailable, reason: "the weights of '\(model)' are not at \(path)",
            nextStep: .pullModel(model, source: source))
    }

    /// A model of the Hugging Face hub that is nowhere on this machine.
    package static func notPulled(_ name: String) -> VitvideoError {
        VitvideoError(
            .unavailable, reason: "the weights of '\(name)' are not on this machine",
            nextStep: .pullRepository(name))
    }

    /// A file that is not the published one.
    package static func wrongHash(path: String, expected: String, found: String) -> VitvideoError {
        VitvideoError(
            .badData, path: path,
            reason: "the SHA-256 is \(found), where that of the published file begins "
                + "\(expected.prefix(16))",
            nextStep: .pullAgain)
    }

    /// ImageNet's class names are not on this machine.
    package static func labelsNotFound(path: String, source: String) -> VitvideoError {
        VitvideoError(
            .unavailable, reason: "the class names are not at \(path)",
            nextStep: .nameLabels(download: source))
    }

    /// CLIP's vocabulary is not on this machine.
    package static func vocabularyNotFound(path: String, source: String) -> VitvideoError {
        VitvideoError(
            .unavailable, reason: "CLIP's vocabulary, which cuts texts, is not at \(path)",
            nextStep: .nameTokenizer(download: source))
    }

    /// A file that could not be downloaded. A download that was stopped on request needs no other way.
    package static func downloadFailed(_ error: VitvideoError, orElse nextStep: NextStep) -> VitvideoError {
        VitvideoError(
            error.kind, reason: error.description, nextStep: error.kind == .interrupted ? nil : nextStep)
    }

    /// The cache's directory cannot be created, or nothing can be written into it.
    package static func cacheNotWritable(_ directory: String) -> VitvideoError {
        VitvideoError(
            .cannotCreate, path: directory, reason: "cannot create the model cache", nextStep: .chooseCache)
    }
}
