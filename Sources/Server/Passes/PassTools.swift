import ViT

/// What a worker has for itself: scratch memory of each model. Used by the worker's thread alone.
final class PassTools {
    let threads: Int
    private var passes: [String: ForwardPass] = [:]

    /// - Parameter threads: that share a pass.
    init(threads: Int) { self.threads = threads }

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    func pass(of model: ServedModel) throws -> ForwardPass {
        if let pass = passes[model.name] { return pass }
        let pass = try ForwardPass(engine: model.engine, threads: threads)
        passes[model.name] = pass
        return pass
    }
}
