import Base

/// Whose conventions rollout follows where they differ.
package enum RolloutCompatibility: String, Sendable, CaseIterable {
    /// Abnar & Zuidema's definition, rows normalized, with vit-explain's head fusion and discard.
    case standard
    /// The Keras example *Investigating Vision Transformer representations*: heads by their mean, nothing
    /// discarded.
    case keras
    /// jacobgil/vit-explain as it runs: column j is divided by the sum of row j (a missing keepdim). In
    /// gradient rollout, moreover, block l's attention meets block L+1−l's gradient (the hooks collect
    /// gradients in backward order), the gradient is that by softmax's *input* (dropout in evaluation returns
    /// its own input, so that the backward hook lands on softmax), and the discard spares nothing.
    case vitExplain = "vit-explain"

    fileprivate var setting: MethodSetting { .compat(rawValue) }
}

/// How attention rolls out through the blocks.
package struct RolloutOptions: Sendable, Hashable {
    /// How a block's heads become one matrix F.
    package let headFusion: HeadFusion
    /// Share of F's N² entries that is set to 0, the smallest first, 0..<1. CLS→CLS is spared.
    package let discardRatio: Double
    package let compatibility: RolloutCompatibility

    /// - Throws: `VitvideoError` of kind `usage` for a ratio outside 0..<1 and for options that `.keras`
    ///   does not have.
    package init(
        headFusion: HeadFusion = .mean, discardRatio: Double = 0,
        compatibility: RolloutCompatibility = .standard
    ) throws {
        guard (0..<1).contains(discardRatio) else {
            throw VitvideoError(
                .usage, reason: "a discard ratio of \(discardRatio) is not between 0 and 1 (1 excluded)")
        }
        guard compatibility != .keras || (headFusion == .mean && discardRatio == 0) else {
            throw VitvideoError(
                .usage, reason: "Keras's rollout fuses heads by their mean and discards nothing",
                nextStep: .leaveOut([.headFusion, .discardRatio], or: compatibility.setting))
        }
        self.headFusion = headFusion
        self.discardRatio = discardRatio
        self.compatibility = compatibility
    }

    /// The same for gradient rollout, which Keras does not have and vit-explain does by the heads' mean.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func checkedForGradients() throws -> RolloutOptions {
        switch compatibility {
        case .standard: break
        case .keras:
            throw VitvideoError(
                .usage, reason: "Keras's example has no gradient rollout",
                nextStep: .leaveOut([compatibility.setting]))
        case .vitExplain:
            guard headFusion == .mean else {
                throw VitvideoError(
                    .usage, reason: "vit-explain's gradient rollout fuses heads by their mean",
                    nextStep: .leaveOut([.headFusion], or: compatibility.setting))
            }
        }
        return self
    }
}
