import Base
import Files
import ViT

extension ClassLabels {
    /// ImageNet-1k's classes as WordNet lemmas, in the order of the classifiers' logits; published with Big
    /// Transfer.
    package static let imageNetSource =
        "https://storage.googleapis.com/bit_models/ilsvrc2012_wordnet_lemmas.txt"
    package static let imageNetCount = 1000

    /// ImageNet-1k's names, from the cache; downloaded into it at first use.
    ///
    /// - Parameter offline: never download.
    /// - Throws: `VitvideoError.labelsNotFound` when offline, `VitvideoError.downloadFailed`,
    ///   `VitvideoError.labelsDoNotFit`, `VitvideoError.cacheNotWritable`.
    package static func imageNet(from cache: ModelCache, offline: Bool = false) throws -> ClassLabels {
        let path = "\(cache.directory)/\(imageNetSource.split(separator: "/").last ?? "")"
        if FileSystem.exists(path) {
            return try ClassLabels(contentsOf: path, count: imageNetCount)
        }
        guard !offline else { throw VitvideoError.labelsNotFound(path: path, source: imageNetSource) }
        try cache.download(imageNetSource, to: path, orElse: .nameLabels(download: nil))
        do {
            return try ClassLabels(contentsOf: path, count: imageNetCount)
        } catch {
            FileSystem.unlink(path)
            throw error
        }
    }
}
