import Base

/// The shape of a Vision Transformer that is trained here: everything that decides about its parameters and what is
/// computed of them. How it is trained is `TrainingSettings`.
///
/// Tokens are ordered `[class token, registers…, patches row-major]`.
package struct TrainedShape: Sendable, Hashable {
    /// How pictures become tokens.
    package enum Tokenization: String, Sendable, CaseIterable {
        /// A linear layer of each patch.
        case plain
        /// Shifted patch tokenization (Lee et al. 2021): the picture and its four copies that are moved by half a patch
        /// along the diagonals, 15 channels; of their patches a LayerNorm and a linear layer. What a move leaves empty
        /// is 0. Copies in the order of the Keras example: content moved to the left and up, left and down, right and
        /// up, right and down.
        case shifted
    }

    package enum Positions: String, Sendable, CaseIterable {
        /// A table that is trained.
        case learned
        /// `PositionTable.sineCosine`, fixed.
        case sineCosine = "sincos"
    }

    /// How tokens attend: softmax(s · QKᵀ)·V.
    package enum AttentionForm: String, Sendable, CaseIterable {
        /// s = 1/√d.
        case plain
        /// Locality self-attention as in the Keras example: no token attends to itself, and s = 1/τ with one learned
        /// number τ a block, √d at first.
        case locality = "lsa"
        /// Locality self-attention as in the paper's code: no token attends to itself, and s is a learned number of each
        /// head, 1/√d at first.
        case localityPerHead = "lsa_heads"

        /// Whether tokens attend to themselves.
        package var hasDiagonal: Bool { self == .plain }
    }

    /// What the classifier reads.
    package enum Reading: Sendable, Hashable {
        /// The class token after the final LayerNorm.
        case classToken
        /// The mean of the patch tokens, then a LayerNorm `fc_norm`, as in timm; there is no final norm.
        case meanPatch
        /// All tokens after the final LayerNorm side by side, then layers of so many outputs with a GELU after each.
        case flattened(hidden: [Int])
    }

    // MARK: Sizes

    /// Height and width of a picture in pixels.
    package var side: Int
    /// Side of a patch in pixels.
    package var patchSize: Int
    /// Embedding dimension D.
    package var width: Int
    /// Number of blocks.
    package var depth: Int
    package var heads: Int
    /// Dimension d of a head; D / heads in plain models.
    package var headWidth: Int
    /// Hidden dimension of the feed-forward part.
    package var feedForwardWidth: Int
    package var classes: Int

    // MARK: Parts

    package var tokenization = Tokenization.plain
    package var positions = Positions.learned
    package var attention = AttentionForm.plain
    package var reading = Reading.classToken
    package var hasClassToken = true
    /// Tokens after the class token that stand for no place.
    package var registers = 0
    /// Whether the learned table has an entry for the class token.
    package var positionsCoverClassToken = true
    /// Whether a GELU follows the second layer of the feed-forward part too, as in the Keras examples.
    package var activatesOutput = false
    /// Whether each residual branch is scaled per channel.
    package var hasLayerScale = false
    package var layerNormEpsilon: Float = 1e-6

    package init(
        side: Int, patchSize: Int, width: Int, depth: Int, heads: Int, headWidth: Int? = nil,
        feedForwardWidth: Int? = nil, classes: Int
    ) {
        self.side = side
        self.patchSize = patchSize
        self.width = width
        self.depth = depth
        self.heads = heads
        self.headWidth = headWidth ?? width / max(heads, 1)
        self.feedForwardWidth = feedForwardWidth ?? 4 * width
        self.classes = classes
    }

    // MARK: Derived sizes

    /// Patches along a side.
    package var gridSide: Int { side / patchSize }
    package var patches: Int { gridSide * gridSide }
    /// Tokens before the patches.
    package var prefixTokens: Int { (hasClassToken ? 1 : 0) + registers }
    package var tokens: Int { prefixTokens + patches }
    /// By how many pixels the content of each copy of the picture that patches are cut of is moved.
    package var moves: [(down: Int, right: Int)] {
        let half = patchSize / 2
        return tokenization == .plain
            ? [(0, 0)] : [(0, 0), (-half, -half), (half, -half), (-half, half), (half, half)]
    }
    /// Of the picture as patches see it.
    package var channels: Int { tokenization == .shifted ? 15 : 3 }
    /// Values of one patch.
    package var patchValues: Int { channels * patchSize * patchSize }
    /// Width of all heads side by side.
    package var attentionWidth: Int { heads * headWidth }
    /// Values that the classifier's first layer reads.
    package var featureWidth: Int {
        if case .flattened = reading { tokens * width } else { width }
    }
    /// Outputs of the layers between feature and classifier.
    package var headHidden: [Int] {
        if case .flattened(let hidden) = reading { hidden } else { [] }
    }

    /// Whether a LayerNorm follows the last block.
    package var hasFinalNorm: Bool { reading != .meanPatch }

    /// Whether it is a model as timm has them, which the program loads as any other checkpoint.
    package var isPlain: Bool {
        if case .flattened = reading { return false }
        return tokenization == .plain && attention == .plain && !activatesOutput
            && attentionWidth == width
    }

    // MARK: Checks

    /// The largest picture, width and number of classes, so that sizes multiplied stay far from overflow.
    private static let largest = 1 << 16

    /// The shape itself, where it can be computed.
    ///
    /// - Throws: `VitvideoError` of kind `usage` naming what does not fit.
    package func checked() throws -> TrainedShape {
        func require(_ condition: Bool, _ reason: @autoclosure () -> String, _ advice: String) throws {
            if !condition { throw VitvideoError(.usage, reason: reason(), nextStep: .advice(advice)) }
        }
        for (name, value) in [
            ("side", side), ("patch", patchSize), ("width", width), ("depth", depth),
            ("number of heads", heads),
            ("head width", headWidth), ("feed-forward width", feedForwardWidth),
            ("number of classes", classes),
        ] + headHidden.map({ ("width of the classifier's layers", $0) }) {
            try require(
                (1...Self.largest).contains(value), "a model's \(name) cannot be \(value)",
                "choose a number from 1 to \(Self.largest)")
        }
        try require(
            side % patchSize == 0, "pictures of \(side) pixels do not divide into patches of \(patchSize)",
            "choose a side that is a multiple of the patch")
        try require(
            (0...64).contains(registers), "a model cannot have \(registers) registers", "choose 0 to 64")
        try require(
            reading != .classToken || hasClassToken,
            "the classifier cannot read a class token that the model lacks",
            "let it read the mean of the patches")
        if case .flattened = reading {
            try require(
                prefixTokens == 0, "a classifier of all tokens side by side goes without a class token",
                "leave the class token out")
        }
        try require(
            tokenization == .plain || patchSize >= 2, "patches of one pixel cannot be shifted by half",
            "choose a larger patch")
        try require(
            attention.hasDiagonal || tokens > 1,
            "a single token that does not attend to itself attends to nothing",
            "choose a smaller patch")
        try require(
            positions == .learned || width % 4 == 0,
            "sine-cosine positions take a width that is a multiple of 4",
            "choose another width")
        try require(
            layerNormEpsilon > 0 && layerNormEpsilon < 1, "LayerNorm's epsilon cannot be \(layerNormEpsilon)",
            "choose 1e-6")
        try require(
            Double(tokens) * Double(tokens) * Double(heads) < 1e9 && Double(featureWidth) < 1e8,
            "\(tokens) tokens are too many to be attended to", "choose a larger patch or smaller pictures")
        return self
    }
}
