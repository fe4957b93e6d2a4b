import Base
import CKernels
import Glibc
import ViT

/// Which parameters decay.
package enum WeightDecayRule: String, Sendable, CaseIterable {
    /// All, as Keras's AdamW.
    case all
    /// The weights of linear layers alone: no biases, norms, tokens, positions or temperatures.
    case weights

    func applies(to kind: Parameter.Kind) -> Bool { self == .all || kind == .weight }
}

/// AdamW's settings but for the learning rate.
package struct AdamWSettings: Sendable, Hashable {
    package var beta1: Float = 0.9
    package var beta2: Float = 0.999
    package var epsilon: Float = 1e-8
    package var weightDecay: Float = 1e-4
    package var decayRule = WeightDecayRule.weights
    /// The norm of all gradients together that they are scaled down to; nil for no clipping.
    package var clipping: Float?

    package init() {}
}

/// AdamW over all parameters (`vv_adamw_step`).
final class AdamW {
    let settings: AdamWSettings
    let layout: ParameterLayout
    /// The moments, `layout.count` each.
    let first: FloatBuffer
    let second: FloatBuffer
    /// Steps taken.
    var steps = 0

    init(_ settings: AdamWSettings, _ layout: ParameterLayout) {
        self.settings = settings
        self.layout = layout
        first = FloatBuffer(layout.count)
        second = FloatBuffer(layout.count)
        first.clear()
        second.clear()
    }

    /// Changes the parameters by a step.
    ///
    /// - Parameter rate: the learning rate.
    /// - Returns: the norm of all gradients before clipping.
    /// - Throws: `VitvideoError.lossNotFinite` where it is not finite, and `Cancellation.Cancelled`; nothing has changed
    ///   then.
    func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, rate: Float, pool: WorkerPool
    ) throws -> Double {
        let norm = try Self.norm(gradients, pool)
        guard norm.isFinite else {
            throw VitvideoError.lossNotFinite(step: steps, isClipped: settings.clipping != nil)
        }
        // The pieces are done whole from here on.
        steps += 1
        let t = Double(steps)
        var base = vv_adamw(
            rate: rate, beta1: settings.beta1, beta2: settings.beta2,
            correction1: Float(1 - pow(Double(settings.beta1), t)),
            correction2: Float(1 - pow(Double(settings.beta2), t)),
            epsilon: settings.epsilon, gradient_scale: 1, weight_decay: 0)
        if let clipping = settings.clipping, norm > Double(clipping) {
            base.gradient_scale = Float(Double(clipping) / (norm + 1e-6))
        }
        let pieces = Self.pieces(layout, settings)
        pool.runWhole(count: pieces.count) { index in
            let (range, decay) = pieces[index]
            var step = base
            step.weight_decay = decay
            let at = range.lowerBound
            vv_adamw_step(
                parameters.start + at, first.start + at, second.start + at, gradients.start + at, range.count,
                step)
        }
        return norm
    }

    /// The parameters cut into pieces with one weight decay each.
    private static func pieces(
        _ layout: ParameterLayout, _ settings: AdamWSettings
    ) -> [(range: Range<Int>, decay: Float)] {
        let most = 1 << 16
        return layout.parameters.flatMap { parameter in
            let decay = settings.decayRule.applies(to: parameter.kind) ? settings.weightDecay : 0
            return stride(from: parameter.offset, to: parameter.range.upperBound, by: most).map {
                ($0..<min($0 + most, parameter.range.upperBound), decay)
            }
        }
    }

    /// √Σ g², summed in a fixed order.
    private static func norm(_ gradients: FloatBuffer, _ pool: WorkerPool) throws -> Double {
        let width = 1 << 12
        let rows = gradients.count / width
        let squares = FloatBuffer(rows + 1)
        squares.clear()
        try pool.inPieces(of: rows) { range in
            vv_row_squares(
                squares.start + range.lowerBound, gradients.start + range.lowerBound * width, range.count,
                width)
        }
        vv_row_squares(
            squares.start + rows, gradients.start + rows * width, 1, gradients.count - rows * width)
        var sum = 0.0
        for i in 0...rows { sum += Double(squares.start[i]) }
        return sum.squareRoot()
    }
}
