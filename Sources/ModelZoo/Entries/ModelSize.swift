import ViT

extension ModelZoo {
    /// Width, depth and heads of a size class.
    struct Size {
        /// As it stands in the names of repositories.
        let name: String
        let width: Int
        let depth: Int
        let heads: Int
        /// The hidden dimension of SwiGLU; nil for a plain feed-forward part.
        var gatedWidth: Int?
        /// That of a plain one; nil for four times the width.
        var feedForwardWidth: Int?

        func configuration(
            family: Configuration.Family, patch: Int, side: Int, registers: Int = 0, distilled: Bool = false,
            layerScale: Bool = false, classes: Int = 0
        ) -> Configuration {
            Configuration(
                family: family, patchSize: patch, width: width, depth: depth, heads: heads,
                feedForwardWidth: gatedWidth ?? feedForwardWidth,
                activation: gatedWidth == nil ? nil : .swiglu,
                registers: registers, hasDistillationToken: distilled, hasLayerScale: layerScale,
                nativeRows: side / patch, nativeColumns: side / patch, classes: classes)
        }
    }

    static let tiny = Size(name: "tiny", width: 192, depth: 12, heads: 3)
    static let small = Size(name: "small", width: 384, depth: 12, heads: 6)
    static let base = Size(name: "base", width: 768, depth: 12, heads: 12)
    static let large = Size(name: "large", width: 1024, depth: 24, heads: 16)
    static let huge = Size(name: "huge", width: 1280, depth: 32, heads: 16)

    // MARK: DINOv2, DINOv3

    static let giant = Size(name: "giant", width: 1536, depth: 40, heads: 24, gatedWidth: 4096)
    static let smallPlus = Size(name: "small_plus", width: 384, depth: 12, heads: 6, gatedWidth: 1536)
    static let hugePlus = Size(name: "huge_plus", width: 1280, depth: 32, heads: 20, gatedWidth: 5120)
    static let sevenBillion = Size(name: "7b", width: 4096, depth: 40, heads: 32, gatedWidth: 8192)

    // MARK: SigLIP

    /// Of 400 million parameters, shaped for the least computation (Alabdulmohsin et al. 2023).
    static let so400m = Size(name: "so400m", width: 1152, depth: 27, heads: 16, feedForwardWidth: 4304)
    static let giantOpt = Size(name: "giant-opt", width: 1536, depth: 40, heads: 16, feedForwardWidth: 6144)

    // MARK: I-JEPA, EVA-02

    static let giantOfIJEPA = Size(name: "giant", width: 1408, depth: 40, heads: 16, feedForwardWidth: 6144)
    static let evaTiny = Size(name: "tiny", width: 192, depth: 12, heads: 3, gatedWidth: 512)
    static let evaSmall = Size(name: "small", width: 384, depth: 12, heads: 6, gatedWidth: 1024)
    static let evaBase = Size(name: "base", width: 768, depth: 12, heads: 12, gatedWidth: 2048)
    static let evaLarge = Size(name: "large", width: 1024, depth: 24, heads: 16, gatedWidth: 2730)
}
