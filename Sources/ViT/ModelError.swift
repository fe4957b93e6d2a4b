/// What can go wrong between a checkpoint and an attention map.
public enum ModelError: Error, Sendable, Equatable {
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
    case precisionUnavailable(String)
    /// Tensors that the architecture needs and the checkpoint lacks, has too many of, or has in other shapes.
    case weightsDoNotFit(path: String, problems: [String])
    case unknownModel(String, known: [String])
    /// A known model whose weights are nowhere on this machine.
    case weightsNotFound(model: String, path: String, source: String)
    case cacheNotWritable(String)
}

extension ModelError: CustomStringConvertible {
    public var description: String {
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
        case .precisionUnavailable(let reason):
            "cannot compute in bf16: \(reason); use --precision fp32"
        case .weightsDoNotFit(let path, let problems):
            "\(path): the weights do not fit the model: " + problems.prefix(8).joined(separator: "; ")
                + (problems.count > 8 ? "; and \(problems.count - 8) more" : "")
        case .unknownModel(let name, let known):
            "unknown model '\(name)'; known models: " + known.joined(separator: ", ")
        case .weightsNotFound(let model, let path, let source):
            "the weights of '\(model)' are not at \(path); download \(source) and run "
                + "'vitvideo models import FILE --as \(model)'"
        case .cacheNotWritable(let directory):
            "\(directory): cannot create the model cache; set VITVIDEO_CACHE to a directory you can write"
        }
    }
}
