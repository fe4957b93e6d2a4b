import Glibc

/// How a picture that excites a unit is made, after Ghiasi et al. 2022, "What do Vision Transformers Learn? A Visual
/// Exploration", and its code (hamidkazemi22/vit-visualization). The defaults are the code's for ViTs.
///
/// The picture x starts as uniform noise. Each of `steps` steps makes `copies` augmented copies a(x) of it and moves x
/// by Adam against the gradient of
///
///     −(1/copies)·mean over copies of the activation + 0.0005·tv·TV(copies),
///
/// at a rate that falls to 0 with half a cosine; then x is clamped to [0, 1].
package struct VisualizationRecipe: Sendable, Hashable {
    /// The noise that is added to a copy.
    package enum Noise: String, Sendable, Hashable, CaseIterable {
        case none
        /// One number for each channel, as the code does it.
        case channel
        /// One number for each value, as the paper describes it.
        case pixel
    }

    package var steps = 400
    /// The code's factor is 1/8 beside the mean over its 8 copies; here it is 1/copies for any number.
    package var copies = 8
    /// At the first step.
    package var learningRate: Float = 0.1
    /// The multiplier tv. Published are 0.1 to 10 for supervised ViTs and 1 to 100 for CLIP. For DINOv2, of which
    /// nothing was published, 1 shows parts and objects in the last blocks; 10 is smoother and leaves neurons of early
    /// blocks gray, 100 nearly all.
    package var totalVariation: Float = 1
    /// Of `ColorShift`; 0 for none.
    package var colorShift: Float = 1
    package var noise = Noise.channel
    /// The noise's standard deviation at the first steps.
    package var noiseScale: Float = 0.5
    /// How far copies are rolled at most, in pixels either way.
    package var jitter = 32

    package init() {}

    /// What tv is multiplied by.
    package static let totalVariationUnit: Float = 0.0005

    /// λ of the objective.
    package var totalVariationWeight: Float { totalVariation * Self.totalVariationUnit }

    /// The rate of a step, from 0: rate · (1 + cos(π·step/steps)) / 2.
    package func learningRate(at step: Int) -> Float {
        Float(Double(learningRate) * (1 + cos(.pi * Double(step) / Double(steps))) / 2)
    }

    /// The noise's standard deviation at a step, from 0: scale · (steps − 2 − step)/steps, and 0 at the last two. The
    /// code begins at 398 of 400 likewise.
    package func noiseDeviation(at step: Int) -> Float {
        noise == .none ? 0 : noiseScale * Float(max(steps - 2 - step, 0)) / Float(steps)
    }
}
