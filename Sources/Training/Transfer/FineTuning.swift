import Base
import ViT

extension TrainedShape {
    /// The shape of a model that goes on from another one's backbone, with a classifier of its own.
    ///
    /// - Parameters:
    ///   - side: of the pictures in pixels; nil for the side that the model was trained with.
    /// - Throws: `VitvideoError` of kind `usage` naming the part of the model that cannot be trained here.
    package init(fineTuning model: Model, side: Int? = nil, classes: Int) throws {
        let c = model.configuration
        let obstacles: [(isThere: Bool, what: String)] = [
            (c.rotary != nil, "rotary positions"), (c.relativePositions != nil, "relative positions"),
            (c.position == .none, "no position table"),
            (c.prefix.hasDistillationToken, "a distillation token"),
            (c.normalizesBeforeBlocks, "a norm before its blocks"),
            (
                c.normalizesQueriesAndKeys || c.normalizesAttention || c.normalizesHidden,
                "norms inside its blocks"
            ),
            (c.activation != .gelu, "the activation \(c.activation.rawValue)"),
            (c.pooling == .attentionProbe, "pooling by attention"),
            (c.prefix.positionsRegisters, "registers with positions"),
            (!c.hasFinalNorm && !c.hasPoolingNorm, "no final norm"),
        ]
        if let obstacle = obstacles.first(where: \.isThere) {
            throw VitvideoError(
                .usage, cannot: "fine-tune", path: model.name, reason: "the model has \(obstacle.what)",
                nextStep: .advice(
                    "train a linear classifier on it, or fine-tune a plain ViT, DINO, DINOv2 or DeiT"))
        }
        guard side != nil || c.nativeRows == c.nativeColumns else {
            throw VitvideoError(
                .usage, cannot: "fine-tune", path: model.name,
                reason: "the model was trained with pictures that are not square",
                nextStep: .advice("say which size the pictures have"))
        }
        self.init(
            side: side ?? c.nativeRows * c.patchSize, patchSize: c.patchSize, width: c.width, depth: c.depth,
            heads: c.heads, feedForwardWidth: c.feedForwardWidth, classes: classes)
        positions = c.position == .sineCosine ? .sineCosine : .learned
        hasClassToken = c.prefix.hasClassToken
        registers = c.registers
        hasLayerScale = c.hasLayerScale
        layerNormEpsilon = c.layerNormEpsilon
        reading = c.pooling == .meanPatch || !c.hasFinalNorm ? .meanPatch : .classToken
        self = try checked()
    }
}

extension TrainingEngine {
    /// Takes everything but the classifier from a model whose shape `TrainedShape(fineTuning:)` has given. Positions are
    /// carried to the pictures' grid; the class token's is in the token itself from then on. Where the model has a final
    /// norm and the classifier reads the mean, the norm goes on as that of the mean.
    ///
    /// - Throws: `VitvideoError` where the weights cannot be read.
    package func takeBackbone(of model: Model) throws {
        let (weights, d) = (model.weights, shape.width)
        func put(_ values: [Float], at offset: Int) {
            (parameters.start + offset).update(from: values, count: values.count)
        }
        func put(_ linear: Linear, at place: ParameterLayout.LinearPlace) {
            precondition(
                linear.weight.count == place.outputs * place.inputs, "layers must have the model's size")
            put(linear.weight, at: place.weight)
            put(linear.bias, at: place.bias)
        }
        func put(_ norm: Norm, at place: ParameterLayout.NormPlace) {
            put(norm.gamma, at: place.scale)
            put(norm.beta, at: place.shift)
        }
        let special = weights.specialTokens
        if let place = layout.classToken { put(Array(special.prefix(d)), at: place) }
        if let place = layout.registers { put(Array(special.suffix(shape.registers * d)), at: place) }
        if let place = layout.positions {
            let table = model.patchPositions(rows: shape.gridSide, columns: shape.gridSide)
            let entries = (layout["pos_embed"]?.shape[1] ?? 0) - shape.patches
            put([Float](repeating: 0, count: entries * d) + table, at: place)
        }
        put(weights.patchEmbedding, at: layout.patchEmbedding)
        for (places, block) in zip(layout.blocks, try model.blocks()) {
            put(block.norm1, at: places.norm1)
            put(block.qkv, at: places.qkv)
            put(block.proj, at: places.proj)
            put(block.norm2, at: places.norm2)
            put(block.fc1, at: places.fc1)
            put(block.fc2, at: places.fc2)
            if let place = places.layerScale1, let scale = block.ls1 { put(scale, at: place) }
            if let place = places.layerScale2, let scale = block.ls2 { put(scale, at: place) }
        }
        if let norm = shape.hasFinalNorm ? weights.norm : weights.poolingNorm ?? weights.norm {
            put(norm, at: layout.finalNorm)
        }
    }
}
