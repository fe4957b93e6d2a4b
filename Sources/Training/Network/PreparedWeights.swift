import ViT

/// The weights of linear layers as products of a step take them, in both directions.
///
/// Safe to share: it changes only in `prepare`, between two steps.
final class PreparedWeights: @unchecked Sendable {
    private let layout: ParameterLayout
    private(set) var parameters: UnsafePointer<Float>

    init(_ layout: ParameterLayout, parameters: UnsafePointer<Float>) {
        self.layout = layout
        self.parameters = parameters
    }

    /// Wᵀ [inputs, outputs], for y = x·Wᵀ.
    func forward(_ place: ParameterLayout.LinearPlace) -> RightFactor {
        RightFactor(start: parameters + place.weight, stride: place.inputs, isTransposed: true)
    }

    /// W [outputs, inputs], for dx = dy·W.
    func backward(_ place: ParameterLayout.LinearPlace) -> RightFactor {
        RightFactor(start: parameters + place.weight, stride: place.inputs, isTransposed: false)
    }

    /// The columns of Wᵀ for some of the outputs.
    func forwardTile(_ place: ParameterLayout.LinearPlace, start: Int, count: Int) -> RightFactor {
        RightFactor(
            start: parameters + place.weight + start * place.inputs, stride: place.inputs, isTransposed: true)
    }

    /// The columns of W for some of the inputs.
    func backwardTile(_ place: ParameterLayout.LinearPlace, start: Int, count: Int) -> RightFactor {
        RightFactor(
            start: parameters + place.weight + start, stride: place.inputs, isTransposed: false)
    }
}
