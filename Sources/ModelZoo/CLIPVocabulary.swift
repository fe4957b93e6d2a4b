import Base
import Files

extension ModelCache {
    /// The merges that all of OpenAI's and most of OpenCLIP's models cut texts by.
    package static let clipVocabularySource =
        "https://raw.githubusercontent.com/openai/CLIP/main/clip/bpe_simple_vocab_16e6.txt.gz"
    /// Pieces that they make.
    package static let clipVocabularyCount = 49_408

    private static let clipVocabularyHash = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"

    /// The path of CLIP's vocabulary in the cache; downloaded into it at first use.
    ///
    /// - Parameter offline: never download.
    /// - Throws: `VitvideoError.vocabularyNotFound` when offline, `VitvideoError.downloadFailed`,
    ///   `VitvideoError.wrongHash`, `VitvideoError.cacheNotWritable`.
    package func clipVocabulary(offline: Bool = false) throws -> String {
        let source = Self.clipVocabularySource
        let path = "\(directory)/\(source.lastPathPart)"
        guard FileSystem.exists(path) else {
            guard !offline else { throw VitvideoError.vocabularyNotFound(path: path, source: source) }
            try download(
                source, to: path, sha256: Self.clipVocabularyHash, orElse: .nameTokenizer(download: nil))
            return path
        }
        let hash = try ContentHash.sha256(ofFile: path)
        guard hash == Self.clipVocabularyHash else {
            throw VitvideoError(
                .badData, path: path, reason: "it is not the published vocabulary of CLIP",
                nextStep: .advice("delete it and run the same command again"))
        }
        return path
    }
}
