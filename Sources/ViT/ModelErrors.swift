import Base
import Files

// What several places of this module throw.

extension VitvideoError {
    // MARK: What a model does not have

    /// The picture holds no whole patch.
    package static func inputTooSmall(height: Int, width: Int, patchSize: Int) -> VitvideoError {
        VitvideoError(
            .usage,
            reason: "the model's input would be \(width)×\(height) pixels, less than one "
                + "\(patchSize)×\(patchSize) patch",
            nextStep: .raiseResolution)
    }

    /// A block index outside the model.
    package static func noSuchBlock(_ block: Int, depth: Int) -> VitvideoError {
        VitvideoError(
            .usage,
            reason: "there is no layer \(block): the model has layers 0 to \(depth - 1), "
                + "or -1 to -\(depth) from the end")
    }

    /// A head index outside the model.
    package static func noSuchHead(_ head: Int, heads: Int) -> VitvideoError {
        VitvideoError(.usage, reason: "there is no head \(head): the model has heads 0 to \(heads - 1)")
    }

    /// A class index outside the classifier.
    package static func noSuchClass(_ index: Int, classes: Int) -> VitvideoError {
        VitvideoError(.usage, reason: "there is no class \(index): the model has classes 0 to \(classes - 1)")
    }

    /// Texts as classes of a model that compares none with pictures.
    package static func noTextTower(model: String) -> VitvideoError {
        VitvideoError(
            .usage, reason: "\(model) has no text tower",
            nextStep: .advice(
                "CLIP's and SigLIP's published files hold one; an import keeps the vision tower alone"))
    }

    /// A precision in which only plain Vision Transformers are computed.
    package static func exactOnly(model: String) -> VitvideoError {
        VitvideoError(
            .usage, reason: "\(model) is no plain Vision Transformer, and is computed in fp32 alone",
            nextStep: .usePrecision(["auto", "fp32"]))
    }

    /// A gradient of a logit where there are none.
    package static func noClassifier(model: String) -> VitvideoError {
        VitvideoError(
            .usage,
            reason: "the model '\(model)' has no classifier, so there is no class to take a gradient of",
            nextStep: .advice("choose a supervised model or give a linear classifier"))
    }

    /// Tokens after the final LayerNorm of a model that has none.
    package static func noFinalNorm(model: String) -> VitvideoError {
        VitvideoError(
            .usage,
            reason: "the model '\(model)' has no norm after its last layer, so it gives no features",
            nextStep: .advice("its attention can be shown all the same"))
    }

    /// A gradient's vector of another length than the model's.
    package static func wrongGradientLength(_ count: Int, expected: Int) -> VitvideoError {
        VitvideoError(
            .usage, reason: "a gradient's weights are \(count) values where the model has \(expected)")
    }

    // MARK: What files do not have

    /// Tensors that the architecture needs and the checkpoint lacks, has too many of, or has in other shapes.
    /// The line names the first eight.
    package static func weightsDoNotFit(
        path: String, problems: [String], nextStep: NextStep? = nil
    ) -> VitvideoError {
        VitvideoError(
            .badData, path: path,
            reason: "the weights do not fit the model: " + problems.prefix(8).joined(separator: "; ")
                + (problems.count > 8 ? "; and \(problems.count - 8) more" : ""),
            nextStep: nextStep)
    }

    /// A list of class names that is none, or has another number of names than expected.
    package static func labelsDoNotFit(path: String, problem: String) -> VitvideoError {
        // A list is never read from standard input, so a path of "-" stays as it is.
        VitvideoError(
            .badData, reason: "\(path): \(problem)", nextStep: .advice("expected one class name a line"))
    }

    /// A weight that is no number.
    package static func weightNotFinite(_ value: Float, at index: Int) -> VitvideoError {
        .badData(
            "its value \(index) is \(value)",
            nextStep: "the model was saved after its training had failed, or the file is damaged")
    }

    /// A picture for which the model does not give numbers, though all its weights are.
    package static func notFinite(in place: String) -> VitvideoError {
        .badData(
            "the model's values become infinite or NaN in \(place)",
            nextStep: "its weights are damaged, or it is taken for another model than it is; see --verbose")
    }

    // MARK: What the machine does not have

    /// OpenBLAS or oneDNN could not be opened.
    package static func mathLibraryMissing(
        library: String, reason: String, package: String
    ) -> VitvideoError {
        VitvideoError(
            .unavailable, cannot: "load \(library)", reason: reason, nextStep: .advice("install \(package)"))
    }

    /// A library refused an operation.
    package static func mathLibraryFailed(library: String, operation: String) -> VitvideoError {
        VitvideoError(
            .unavailable, reason: "\(library) failed at \(operation)", nextStep: .useReferenceBackend)
    }

    /// The library or the CPU does not compute in the precision asked for.
    package static func precisionUnavailable(_ precision: String, _ reason: String) -> VitvideoError {
        VitvideoError(
            .unavailable, cannot: "compute in \(precision)", reason: reason,
            nextStep: .usePrecision(["fp32"]))
    }
}
