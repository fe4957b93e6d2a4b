import Base
import CKernels
import ViT

/// The forward and backward pass of a few pictures through everything before the classifier's layers, on one worker's
/// thread: embedding, blocks, and the norm of what the classifier reads.
///
/// The parts stand in files of their own, forward and backward side by side.
final class TrunkPass {
    let layout: ParameterLayout
    let shape: TrainedShape
    let products: Products
    let weights: PreparedWeights
    /// `D` zeros.
    let noBias: [Float]
    /// The fixed table, `patches × D`; empty where it is trained.
    let fixedPositions: [Float]
    /// Pictures that the scratch has room for.
    let capacity: Int

    // Scratch. R = capacity · tokens.
    /// `R × D`: what a norm gives, or the gradient of it.
    let normalized: FloatBuffer
    /// `R × D`: what a branch adds, or the gradient of it.
    let branch: FloatBuffer
    /// `R × max(3·h·d, F)`: the gradient of queries, keys and values, or of the hidden values.
    let wide: FloatBuffer
    /// `R × h·d`: the gradient of the heads' outputs.
    let heads: FloatBuffer
    /// `R × D`: the gradient of the residual stream.
    let gradient: FloatBuffer
    /// `tokens × tokens` each.
    let scores: FloatBuffer
    let dropped: FloatBuffer
    /// `capacity · patches × patch values` each, where patches are normed.
    let normalizedPatches: FloatBuffer
    let patchGradient: FloatBuffer

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(_ layout: ParameterLayout, weights: PreparedWeights, capacity: Int) throws {
        self.layout = layout
        self.weights = weights
        self.capacity = capacity
        let shape = layout.shape
        self.shape = shape
        products = try Products(weights.kernel)
        noBias = [Float](repeating: 0, count: shape.width)
        fixedPositions =
            shape.positions == .sineCosine
            ? PositionTable.sineCosine(rows: shape.gridSide, columns: shape.gridSide, width: shape.width) : []
        let rows = capacity * shape.tokens
        normalized = FloatBuffer(rows * shape.width)
        branch = FloatBuffer(rows * shape.width)
        wide = FloatBuffer(rows * max(3 * shape.attentionWidth, shape.feedForwardWidth))
        heads = FloatBuffer(rows * shape.attentionWidth)
        gradient = FloatBuffer(rows * shape.width)
        scores = FloatBuffer(shape.tokens * shape.tokens)
        dropped = FloatBuffer(shape.tokens * shape.tokens)
        let patchValues = shape.tokenization == .shifted ? capacity * shape.patches * shape.patchValues : 0
        normalizedPatches = FloatBuffer(patchValues)
        patchGradient = FloatBuffer(patchValues)
    }

    /// Pictures of a batch that are computed together.
    struct Group {
        /// Of the batch.
        let first: Int
        let count: Int
        let dropout: Dropout
    }

    // MARK: Both directions

    /// - Parameters:
    ///   - pixels: of the group's first picture, `count × 3 × side × side`.
    ///   - features: `count × featureWidth`: what the classifier's layers read, before dropout.
    /// - Throws: `Cancellation.Cancelled`.
    func forward(
        _ group: Group, pixels: UnsafePointer<Float>, record: GroupRecord,
        features: UnsafeMutablePointer<Float>
    ) throws {
        embed(group, pixels: pixels, record: record)
        for block in 0..<shape.depth {
            try Cancellation.check()
            attend(block, group, record)
            feedForward(block, group, record)
        }
        read(group, record, features: features)
    }

    /// Adds the gradients of all parameters before the classifier's layers.
    ///
    /// - Parameters:
    ///   - featureGradient: `count × featureWidth`.
    ///   - gradients: in the places of the parameters.
    /// - Throws: `Cancellation.Cancelled`.
    func backward(
        _ group: Group, record: GroupRecord, featureGradient: UnsafePointer<Float>,
        gradients: UnsafeMutablePointer<Float>
    ) throws {
        readBackward(group, record, featureGradient: featureGradient, gradients)
        for block in (0..<shape.depth).reversed() {
            try Cancellation.check()
            feedForwardBackward(block, group, record, gradients)
            attendBackward(block, group, record, gradients)
        }
        embedBackward(group, record, gradients)
    }

    // MARK: Layers

    /// out = LayerNorm(x), `rows × width`.
    func norm(
        _ place: ParameterLayout.NormPlace, _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>,
        rows: Int
    ) {
        vv_layer_norm(
            out, x, weights.parameters + place.scale, weights.parameters + place.shift, rows, place.width,
            shape.layerNormEpsilon)
    }

    /// Adds to `xGradient` what reaches x through LayerNorm, and the gradients of scale and shift.
    func normBackward(
        _ place: ParameterLayout.NormPlace, _ xGradient: UnsafeMutablePointer<Float>,
        _ outGradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int,
        _ gradients: UnsafeMutablePointer<Float>
    ) {
        vv_layer_norm_backward(
            xGradient, gradients + place.scale, gradients + place.shift, outGradient, x,
            weights.parameters + place.scale, rows, place.width, shape.layerNormEpsilon)
    }

    /// y = x·Wᵀ, `rows × outputs`; the bias is left to what follows.
    func linear(
        _ place: ParameterLayout.LinearPlace, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>,
        rows: Int
    ) {
        products(
            y, stride: place.outputs, x, stride: place.inputs, weights.forward(place), m: rows,
            n: place.outputs, k: place.inputs)
    }

    /// branch = m ⊙ (x·Wᵀ + b), for an x of all the group's tokens.
    func linearDropped(
        _ place: ParameterLayout.LinearPlace, _ x: UnsafePointer<Float>, _ site: Dropout.Site, _ group: Group
    ) {
        let rows = group.count * shape.tokens
        linear(place, branch.start, x, rows: rows)
        vv_add_bias(branch.start, weights.parameters + place.bias, rows, place.outputs)
        drop(branch.start, site, group, rowsEach: shape.tokens, width: place.outputs)
    }

    /// dx = dy·W, dW += dyᵀ·x and db += Σ dy.
    ///
    /// - Parameter xGradient: `rows × inputs`; nil where it is not wanted.
    func linearBackward(
        _ place: ParameterLayout.LinearPlace, _ xGradient: UnsafeMutablePointer<Float>?,
        _ yGradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int,
        _ gradients: UnsafeMutablePointer<Float>
    ) {
        vv_add_column_sums(gradients + place.bias, yGradient, rows, place.outputs)
        products(
            gradients + place.weight, stride: place.inputs, yGradient, stride: place.outputs,
            aTransposed: true, products.factor(x, stride: place.inputs, k: rows, n: place.inputs),
            m: place.outputs, n: place.inputs, k: rows, adds: true)
        guard let xGradient else { return }
        products(
            xGradient, stride: place.inputs, yGradient, stride: place.outputs, weights.backward(place),
            m: rows, n: place.inputs, k: place.outputs)
    }

    /// In place: drops values of `rows × width`, picture after picture.
    func drop(
        _ x: UnsafeMutablePointer<Float>, _ site: Dropout.Site, _ group: Group, rowsEach: Int, width: Int
    ) {
        for picture in 0..<group.count {
            let mask = group.dropout.mask(site, picture: group.first + picture)
            if mask.threshold == 0 { return }
            vv_drop(x + picture * rowsEach * width, rowsEach * width, 0, mask)
        }
    }

    /// out = m ⊙ GELU(x + b), keeping the masked slopes in `x`, picture after picture.
    func activate(
        _ out: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>,
        _ place: ParameterLayout.LinearPlace, _ site: Dropout.Site, _ group: Group
    ) {
        let values = shape.tokens * place.outputs
        for picture in 0..<group.count {
            let mask = group.dropout.mask(site, picture: group.first + picture)
            let (to, from) = (out + picture * values, x + picture * values)
            let bias = weights.parameters + place.bias
            if mask.threshold == 0 {
                vv_gelu_with_slope(to, from, bias, shape.tokens, place.outputs)
            } else {
                vv_gelu_dropped_with_slope(to, from, bias, shape.tokens, place.outputs, mask)
            }
        }
    }
}
