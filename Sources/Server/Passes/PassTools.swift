import Methods
import Pixels
import ViT

/// What a worker has for itself: scratch memory of each model, and the latest method's. Used by the worker's thread
/// alone.
final class PassTools {
    let threads: Int
    private var passes: [String: ForwardPass] = [:]
    private var extractor: (key: String, extract: (RGBImage) throws -> FrameMaps)?

    /// - Parameter threads: that share a pass.
    init(threads: Int) { self.threads = threads }

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    func pass(of model: ServedModel) throws -> ForwardPass {
        if let pass = passes[model.name] { return pass }
        let pass = try ForwardPass(engine: model.engine, threads: threads)
        passes[model.name] = pass
        return pass
    }

    /// A method's function from pictures to maps.
    ///
    /// - Parameter key: names the source among all.
    /// - Throws: as `MapSource.makeExtractor`.
    func extractor(_ key: String, of source: any MapSource) throws -> (RGBImage) throws -> FrameMaps {
        if let extractor, extractor.key == key { return extractor.extract }
        extractor = nil
        let extract = try source.makeExtractor(threads: threads)
        extractor = (key, extract)
        return extract
    }
}
