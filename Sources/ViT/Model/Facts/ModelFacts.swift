/// What is said about a model beside its tensors; nil where nothing is said.
package struct ModelFacts: Sendable, Hashable {
    package var family: Configuration.Family?
    /// One value for each channel, or one for all.
    package var mean: [Float]?
    /// One value for each channel, or one for all.
    package var deviation: [Float]?
    package var heads: Int?
    package var activation: Activation?
    package var layerNormEpsilon: Float?
    /// The patch grid that the model was trained on.
    package var grid: PatchGrid?
    package var positionInterpolation: PositionInterpolation?
    /// What the periods of rotary positions are powers of.
    package var rotaryBase: Float?
    /// What the classifier reads.
    package var pooling: Pooling?

    package init(
        family: Configuration.Family? = nil, mean: [Float]? = nil, deviation: [Float]? = nil,
        heads: Int? = nil, activation: Activation? = nil, grid: PatchGrid? = nil,
        positionInterpolation: PositionInterpolation? = nil
    ) {
        self.family = family
        self.mean = mean
        self.deviation = deviation
        self.heads = heads
        self.activation = activation
        self.grid = grid
        self.positionInterpolation = positionInterpolation
    }
}

/// Facts and who says them.
package struct ToldFacts: Sendable, Hashable {
    package let facts: ModelFacts
    package let source: Belief

    package init(_ facts: ModelFacts, from source: Belief) {
        self.facts = facts
        self.source = source
    }
}
