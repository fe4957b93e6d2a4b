import ArgumentParser
import Base
import Training
import ViT

/// What the model that is trained is built of.
struct TrainedModelOptions: ParsableArguments {
    enum Reading: String, ExpressibleByArgument, CaseIterable {
        case classToken = "token"
        case meanPatch = "mean"
        case flattened = "flatten"
    }

    @Option(help: ArgumentHelp("Side of a patch in pixels. (default: the recipe's)", valueName: "px"))
    var patchSize: Int?

    @Option(help: ArgumentHelp("Width of a token. (default: the recipe's)", valueName: "n"))
    var width: Int?

    @Option(help: ArgumentHelp("Number of blocks. (default: the recipe's)", valueName: "n"))
    var depth: Int?

    @Option(help: ArgumentHelp("Heads of a block. (default: the recipe's)", valueName: "n"))
    var numHeads: Int?

    @Option(
        help: ArgumentHelp(
            "Width of a head. (default: the recipe's, or with --width or --num-heads the one divided by the other)",
            valueName: "n"))
    var headWidth: Int?

    @Option(help: ArgumentHelp("Hidden width of a block's MLP. (default: the recipe's)", valueName: "n"))
    var mlpWidth: Int?

    @Option(
        help: """
            What the classifier reads: the class token, the mean of the patches, or all tokens side by side, then two layers \
            of 2048 and 1024. (default: the recipe's)
            """)
    var pooling: Reading?

    @Option(
        help: ArgumentHelp(
            "Widths of the classifier's layers before the last, for --pooling flatten.", valueName: "n,n,…"))
    var headLayers: HeadLayers?

    @Option(help: "Positions: a table that is trained, or a fixed one. (default: learned)")
    var positions: TrainedShape.Positions?

    @Flag(
        help: "Shifted patch tokenization: patches of the picture and its four copies moved by half a patch.")
    var spt = false

    @Flag(
        help: """
            Locality self-attention: no token attends to itself, and the temperature is learned, one number a block as in the \
            Keras example.
            """)
    var lsa = false

    @Flag(help: "The same with a scale for each head, as in the paper's code.")
    var lsaPerHead = false

    @Flag(inversion: .prefixedNo, help: "A GELU after the MLP's second layer too. (default: the recipe's)")
    var geluAfterMlp: Bool?

    func validate() throws {
        if lsa, lsaPerHead { throw ValidationError("--lsa and --lsa-per-head exclude each other") }
        guard headLayers == nil || pooling == .flattened || pooling == nil else {
            throw ValidationError("--head-layers are of --pooling flatten")
        }
    }

    /// A shape with what was asked for instead of a recipe's.
    ///
    /// - Parameter side: of the pictures.
    /// - Throws: `VitvideoError` of kind `usage` for a shape that cannot be computed.
    func applied(to shape: TrainedShape, side: Int) throws -> TrainedShape {
        var shape = shape
        shape.side = side
        if let patchSize { shape.patchSize = patchSize }
        if let depth { shape.depth = depth }
        if width != nil || numHeads != nil {
            shape.width = width ?? shape.width
            shape.heads = numHeads ?? shape.heads
            guard headWidth != nil || shape.heads > 0 && shape.width % shape.heads == 0 else {
                throw VitvideoError(
                    .usage, reason: "\(shape.heads) heads do not divide a width of \(shape.width)",
                    nextStep: .advice("give --head-width, or another --num-heads"))
            }
            shape.headWidth = shape.width / max(shape.heads, 1)
        }
        if let headWidth { shape.headWidth = headWidth }
        if let mlpWidth { shape.feedForwardWidth = mlpWidth }
        switch pooling {
        case .classToken: (shape.reading, shape.hasClassToken) = (.classToken, true)
        case .meanPatch: (shape.reading, shape.hasClassToken) = (.meanPatch, false)
        case .flattened: (shape.reading, shape.hasClassToken) = (.flattened(hidden: [2048, 1024]), false)
        case nil: break
        }
        if let headLayers {
            guard case .flattened = shape.reading else {
                throw VitvideoError(
                    .usage, reason: "--head-layers are of a classifier that reads all tokens",
                    nextStep: .advice("give --pooling flatten too"))
            }
            shape.reading = .flattened(hidden: headLayers.widths)
        }
        if let positions { shape.positions = positions }
        if spt { shape.tokenization = .shifted }
        if lsa { shape.attention = .locality }
        if lsaPerHead { shape.attention = .localityPerHead }
        if let geluAfterMlp { shape.activatesOutput = geluAfterMlp }
        return try shape.checked()
    }

    /// The options that are about a model made anew.
    var given: [String] {
        [
            ("--patch-size", patchSize != nil), ("--width", width != nil), ("--depth", depth != nil),
            ("--num-heads", numHeads != nil), ("--head-width", headWidth != nil),
            ("--mlp-width", mlpWidth != nil), ("--pooling", pooling != nil),
            ("--head-layers", headLayers != nil), ("--positions", positions != nil), ("--spt", spt),
            ("--lsa", lsa), ("--lsa-per-head", lsaPerHead), ("--gelu-after-mlp", geluAfterMlp != nil),
        ].filter(\.1).map(\.0)
    }
}

extension TrainedShape.Positions: ExpressibleByArgument {}

/// `2048,1024`; `none` for no layers.
struct HeadLayers: ExpressibleByArgument {
    let widths: [Int]

    init?(argument: String) {
        if argument == "none" {
            widths = []
            return
        }
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count, numbers.count <= 8 else { return nil }
        widths = numbers
    }
}
