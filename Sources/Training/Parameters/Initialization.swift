import Base
import Glibc
import ViT

/// How parameters begin, by the library whose model is repeated. Biases and shifts begin at 0, scales of norms at 1,
/// the temperature of locality self-attention at √d or 1/√d.
package enum Initialization: String, Sendable, CaseIterable {
    /// Keras: weights by Glorot and Bengio's uniform rule, ±√(6 / (inputs + outputs)); positions and tokens uniform in
    /// ±0.05, as an `Embedding`. The layers around attention have kernels of three axes there, D × heads × d and
    /// heads × d × D, of which Keras takes the first for a filter's places: heads·D inputs and d·D outputs, then heads·d
    /// and heads·D.
    case keras
    /// probing-vits: as Keras, but positions normal with deviation 0.02, biases of the feed-forward part with 1e-6, and the
    /// class token and the classifier's weights 0.
    case probingViTs = "probing-vits"
    /// timm: weights of a normal distribution of deviation 0.02 cut at ±2 (which is never reached); the patch
    /// embedding as PyTorch's convolutions, uniform in ±1/√inputs with its bias; positions as weights, tokens normal
    /// with deviation 1e-6.
    case timm

    /// What a purpose is called in the generator's seed.
    private static let purpose: StaticString = "initial parameters"

    /// Fills all parameters.
    ///
    /// - Parameter values: `layout.count`.
    package func fill(_ values: FloatBuffer, _ layout: ParameterLayout, seed: UInt64) {
        values.clear()
        for (index, parameter) in layout.parameters.enumerated() {
            let place = values.start + parameter.offset
            switch parameter.kind {
            case .normScale: place.update(repeating: 1, count: parameter.count)
            case .normShift: break
            case .temperature:
                let root = Float(layout.shape.headWidth).squareRoot()
                let isDivisor = layout.shape.attention == .locality
                place.update(repeating: isDivisor ? root : 1 / root, count: parameter.count)
            case .layerScale: place.update(repeating: 1e-5, count: parameter.count)
            case .weight, .bias, .token, .positions:
                var draw = SplitMix64(seed: seed, purpose: Self.purpose, index)
                guard let spread = spread(of: parameter, layout) else { continue }
                for i in 0..<parameter.count { place[i] = spread(&draw) }
            }
        }
    }

    private typealias Spread = (inout SplitMix64) -> Float

    /// How a parameter's values are drawn; nil for zeros.
    private func spread(of parameter: Parameter, _ layout: ParameterLayout) -> Spread? {
        func uniform(_ limit: Double) -> Spread { { Float((2 * Double($0.uniform()) - 1) * limit) } }
        let inputs = parameter.count / max(parameter.shape[0], 1)
        let isPatchEmbedding = parameter.name.hasPrefix("patch_embed.proj")
        switch (self, parameter.kind) {
        case (.probingViTs, .weight) where parameter.name == "head.weight": return nil
        case (.probingViTs, .bias) where parameter.name.contains(".mlp."): return { 1e-6 * $0.normal() }
        case (.probingViTs, .positions): return { 0.02 * $0.normal() }
        case (.probingViTs, .token): return nil
        case (.keras, .weight), (.probingViTs, .weight):
            let (from, to) = kerasFans(of: parameter, layout.shape)
            return uniform((6 / Double(from + to)).squareRoot())
        case (.keras, .token), (.keras, .positions): return uniform(0.05)
        case (.timm, .weight) where isPatchEmbedding: return uniform(1 / Double(inputs).squareRoot())
        case (.timm, .bias) where isPatchEmbedding:
            return uniform(1 / Double(layout.shape.patchValues).squareRoot())
        case (.timm, .weight), (.timm, .positions): return { 0.02 * $0.normal() }
        case (.timm, .token): return { 1e-6 * $0.normal() }
        default: return nil
        }
    }

    private func kerasFans(of parameter: Parameter, _ shape: TrainedShape) -> (inputs: Int, outputs: Int) {
        let (d, heads, headWidth) = (shape.width, shape.heads, shape.headWidth)
        if parameter.name.hasSuffix("attn.qkv.weight") { return (heads * d, headWidth * d) }
        if parameter.name.hasSuffix("attn.proj.weight") { return (heads * headWidth, heads * d) }
        return (parameter.count / max(parameter.shape[0], 1), parameter.shape[0])
    }
}
