/// A part of a model that its weights do not tell by their shapes, so that somebody has to.
package enum ModelFact: Sendable, Hashable, CaseIterable {
    case family
    /// Mean of the input's normalization.
    case mean
    /// Standard deviation of the input's normalization.
    case deviation
    /// The patch grid that the model was trained on.
    case grid
    case activation
    case heads
    /// How positions are carried to another grid.
    case positionRule
    /// What LayerNorm adds to the variance.
    case epsilon
    /// Which of several models in the file.
    case checkpointKey
}
