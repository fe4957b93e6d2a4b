/// A part of the report, by the name that `--only` has for it, in the order of the page.
package enum ReportSection: String, Sendable, CaseIterable {
    case prediction
    case heads
    case layers
    case rollout
    case gradientRollout = "gradient-rollout"
    case distance
    case queriesKeys = "qk"
    case filters
    case positions

    /// Whether it shows single pictures; other parts show all of them together, or the model alone.
    var isOfPictures: Bool {
        switch self {
        case .prediction, .heads, .layers, .rollout, .gradientRollout, .queriesKeys: true
        case .distance, .filters, .positions: false
        }
    }

    /// Whether it needs classes.
    var needsClassifier: Bool { self == .prediction || self == .gradientRollout }

    var title: String {
        switch self {
        case .prediction: "Prediction"
        case .heads: "Attention heads"
        case .layers: "Attention through the layers"
        case .rollout: "Attention rollout"
        case .gradientRollout: "Gradient rollout"
        case .distance: "Mean attention distance"
        case .queriesKeys: "Queries and keys"
        case .filters: "Projection filters"
        case .positions: "Position similarity"
        }
    }
}
