import Base

/// What can go wrong between a checkpoint and an attention map.
package enum ModelError: Error, Sendable, Equatable {
    /// The picture holds no whole patch.
    case inputTooSmall(height: Int, width: Int, patchSize: Int)
    /// A block index outside the model.
    case noSuchBlock(Int, depth: Int)
    case noSuchHead(Int, heads: Int)
    /// OpenBLAS or oneDNN could not be opened.
    case mathLibraryMissing(library: String, reason: String, package: String)
    /// A library refused an operation.
    case mathLibraryFailed(library: String, operation: String)
    /// The precision asked for cannot be had.
    case precisionUnavailable(_ precision: String, _ reason: String)
    /// Tensors that the architecture needs and the checkpoint lacks, has too many of, or has in other shapes.
    case weightsDoNotFit(path: String, problems: [String])
    case unknownModel(String, known: [String])
    /// A known model whose weights are nowhere on this machine.
    case weightsNotFound(model: String, path: String, source: String)
    /// A known model whose weights could not be fetched.
    case pullFailed(model: String, VitvideoError)
    /// A file that is not the published one.
    case wrongHash(path: String, expected: String, found: String)
    /// ImageNet's class names could not be fetched.
    case labelsPullFailed(VitvideoError)
    /// A list of class names that is none, or has another number of names than expected.
    case labelsDoNotFit(path: String, problem: String)
    /// The list of ImageNet's class names is not on this machine.
    case labelsNotFound(path: String, source: String)
    case cacheNotWritable(String)
}

extension ModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .inputTooSmall(let height, let width, let patchSize):
            "the model's input would be \(width)×\(height) pixels, less than one \(patchSize)×\(patchSize) "
                + "patch; raise --resolution"
        case .noSuchBlock(let block, let depth):
            "there is no layer \(block): the model has layers 0 to \(depth - 1), or -1 to -\(depth) from the end"
        case .noSuchHead(let head, let heads):
            "there is no head \(head): the model has heads 0 to \(heads - 1)"
        case .mathLibraryMissing(let library, let reason, let package):
            "cannot load \(library): \(reason); install \(package)"
        case .mathLibraryFailed(let library, let operation):
            "\(library) failed at \(operation); try --backend openblas --precision fp32"
        case .precisionUnavailable(let precision, let reason):
            "cannot compute in \(precision): \(reason); use --precision fp32"
        case .weightsDoNotFit(let path, let problems):
            "\(path): the weights do not fit the model: " + problems.prefix(8).joined(separator: "; ")
                + (problems.count > 8 ? "; and \(problems.count - 8) more" : "")
        case .unknownModel(let name, let known):
            "unknown model '\(name)'; known models: " + known.joined(separator: ", ")
        case .weightsNotFound(let model, let path, let source):
            "the weights of '\(model)' are not at \(path); run 'vitvideo models pull \(model)', or download "
                + "\(source) and run 'vitvideo models import FILE --as \(model)'"
        case .pullFailed(let model, let error):
            "\(error)"
                + (error.kind == .interrupted
                    ? "" : "; or get the file elsewhere and run 'vitvideo models import FILE --as \(model)'")
        case .wrongHash(let path, let expected, let found):
            "\(path): the SHA-256 is \(found), where that of the published file begins \(expected.prefix(16)); "
                + "delete it and run 'vitvideo models pull'"
        case .labelsPullFailed(let error):
            "\(error)" + (error.kind == .interrupted ? "" : "; or name a file with --labels")
        case .labelsDoNotFit(let path, let problem):
            "\(path): \(problem); expected one class name a line"
        case .labelsNotFound(let path, let source):
            "the class names are not at \(path); download \(source) there, or name a file with --labels"
        case .cacheNotWritable(let directory):
            "\(directory): cannot create the model cache; set VITVIDEO_CACHE to a directory you can write"
        }
    }
}
