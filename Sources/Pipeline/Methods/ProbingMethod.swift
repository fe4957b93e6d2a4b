import Rendering

/// A way of looking into a model, by its name on the command line.
package enum ProbingMethod: String, Sendable, CaseIterable {
    /// What one token attends to in one block, per head.
    case attention
    /// Attention rolled out through all blocks.
    case rollout
    /// Rollout of the attention weighted by a class's gradient.
    case gradientRollout = "gradient-rollout"
    /// What one token attends to in every block.
    case layers
    /// Queries and keys of one channel.
    case queryKey = "qk"
    /// The first three principal components of the patch tokens.
    case features

    /// The method in words, for titles.
    package var title: String {
        switch self {
        case .gradientRollout: "gradient rollout"
        case .queryKey: "queries and keys"
        case .attention, .rollout, .layers, .features: rawValue
        }
    }

    /// Whether there is one map of a frame that stands for the whole.
    package var givesOneMap: Bool { self != .layers && self != .queryKey }

    package var appearance: MapAppearance { self == .features ? .color : .heat }

    /// What is shown of a model beside others where nothing is asked for.
    package var comparisonView: View { givesOneMap ? .heatmap : .heads }

    /// - Throws: `PipelineError` of kind `usage` for a view that does not make sense of the method.
    package func check(_ view: View) throws(PipelineError) {
        guard view != .heads else { return }
        if !givesOneMap {
            throw PipelineError(
                .usage,
                "view '\(view.rawValue)' shows one map and --method \(rawValue) gives several; use the view "
                    + "'grid'" + (self == .layers ? ", or --method attention --layer N for one block" : ""))
        }
        if view == .mask && appearance == .color {
            throw PipelineError(
                .usage,
                "view 'mask' keeps the patches with the most of a map, which colours do not have; with "
                    + "--method \(rawValue) use 'grid', 'overlay', 'heatmap' or 'side-by-side'")
        }
    }
}
