import Base
import CKernels
import ViT

/// The classifier's layers over pictures' features, forward and backward: y = G(x·Wᵀ + b) for all layers but the last,
/// which gives the logits. What goes into a layer is dropped out first.
///
/// Its products are cut into tiles, which a pool's workers share where all pictures of a batch go through at once.
final class HeadPass {
    /// Runs tiles of work, each on one worker with its products.
    typealias Tiles = (_ count: Int, _ body: (_ tile: Int, _ products: Products) -> Void) throws -> Void

    let layout: ParameterLayout
    private let weights: PreparedWeights
    /// What goes into each layer, `pictures × inputs`; the first is the features.
    private let inputs: [FloatBuffer]
    /// The slopes of each GELU, `pictures × outputs`.
    private let slopes: [FloatBuffer]
    /// `pictures × classes`.
    let logits: FloatBuffer
    /// Gradients of each layer's input; of the features the first.
    private let inputGradients: [FloatBuffer]
    let logitGradient: FloatBuffer

    /// Outputs or inputs of a layer that are computed together.
    private static let tile = 256

    var features: UnsafeMutablePointer<Float> { inputs[0].start }
    var featureGradient: UnsafeMutablePointer<Float> { inputGradients[0].start }

    /// - Parameter pictures: as many as there is room for.
    init(_ layout: ParameterLayout, weights: PreparedWeights, pictures: Int) {
        self.layout = layout
        self.weights = weights
        inputs = layout.head.map { FloatBuffer(pictures * $0.inputs) }
        inputGradients = layout.head.map { FloatBuffer(pictures * $0.inputs) }
        slopes = layout.head.dropLast().map { FloatBuffer(pictures * $0.outputs) }
        logits = FloatBuffer(pictures * layout.shape.classes)
        logitGradient = FloatBuffer(pictures * layout.shape.classes)
    }

    /// From `features` to `logits`.
    ///
    /// - Parameter first: the index of the first picture in the batch.
    func forward(pictures: Int, first: Int, dropout: Dropout, _ tiles: Tiles) throws {
        try drop(features, width: layout.head[0].inputs, pictures: pictures, first: first, dropout, tiles)
        for (index, place) in layout.head.enumerated() {
            let (x, bias) = (inputs[index].start, weights.parameters + place.bias)
            let isLast = index == layout.head.count - 1
            let y = isLast ? logits.start : slopes[index].start
            try tiles(Self.count(place.outputs)) { tile, products in
                let (start, count) = Self.range(tile, of: place.outputs)
                products(
                    y + start, stride: place.outputs, x, stride: place.inputs,
                    weights.forwardTile(place, start: start), m: pictures, n: count,
                    k: place.inputs)
            }
            if isLast {
                vv_add_bias(y, bias, pictures, place.outputs)
                continue
            }
            let out = inputs[index + 1].start
            try tiles(pictures) { picture, _ in
                let mask = dropout.mask(.head(layer: index + 1), picture: first + picture)
                let offset = picture * place.outputs
                vv_gelu_dropped_with_slope(out + offset, y + offset, bias, 1, place.outputs, mask)
            }
        }
    }

    /// From `logitGradient` to `featureGradient`, adding the gradients of the layers' parameters.
    ///
    /// - Parameter gradients: in the places of the parameters.
    func backward(
        pictures: Int, first: Int, dropout: Dropout, gradients: UnsafeMutablePointer<Float>, _ tiles: Tiles
    ) throws {
        for (index, place) in layout.head.enumerated().reversed() {
            let isLast = index == layout.head.count - 1
            let yGradient = isLast ? logitGradient.start : inputGradients[index + 1].start
            if !isLast {
                try tiles(pictures) { [slopes] picture, _ in
                    let offset = picture * place.outputs
                    vv_scale_columns(
                        yGradient + offset, yGradient + offset, slopes[index].start + offset, 1, place.outputs
                    )
                }
            }
            vv_add_column_sums(gradients + place.bias, yGradient, pictures, place.outputs)
            let (x, xGradient) = (inputs[index].start, inputGradients[index].start)
            // The gradient of the weight row by row, then that of the input column by column.
            let rowTiles = Self.count(place.outputs)
            try tiles(rowTiles + Self.count(place.inputs)) { tile, products in
                if tile < rowTiles {
                    let (start, count) = Self.range(tile, of: place.outputs)
                    products(
                        gradients + place.weight + start * place.inputs, stride: place.inputs,
                        yGradient + start, stride: place.outputs, aTransposed: true,
                        products.factor(x, stride: place.inputs, k: pictures, n: place.inputs), m: count,
                        n: place.inputs, k: pictures, adds: true)
                } else {
                    let (start, count) = Self.range(tile - rowTiles, of: place.inputs)
                    products(
                        xGradient + start, stride: place.inputs, yGradient, stride: place.outputs,
                        weights.backwardTile(place, start: start), m: pictures, n: count,
                        k: place.outputs)
                }
            }
        }
        try drop(
            featureGradient, width: layout.head[0].inputs, pictures: pictures, first: first, dropout, tiles)
    }

    /// In place: drops features, or their gradients.
    private func drop(
        _ x: UnsafeMutablePointer<Float>, width: Int, pictures: Int, first: Int, _ dropout: Dropout,
        _ tiles: Tiles
    ) throws {
        guard dropout.rates.head > 0 else { return }
        try tiles(pictures) { picture, _ in
            vv_drop(x + picture * width, width, 0, dropout.mask(.head(layer: 0), picture: first + picture))
        }
    }

    private static func count(_ values: Int) -> Int { (values + tile - 1) / tile }

    private static func range(_ tile: Int, of values: Int) -> (start: Int, count: Int) {
        (tile * Self.tile, min(Self.tile, values - tile * Self.tile))
    }
}
