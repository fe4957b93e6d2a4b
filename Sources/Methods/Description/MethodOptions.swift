import Probing

/// The options that methods have.
package enum MethodOptions {
    /// A block's index, negative from the end as in Python.
    package static let layer = MethodOption<Int>("layer", valueName: "n")
    /// Consecutive blocks.
    package static let blocks = MethodOption<BlockRange>("blocks", valueName: "a:b")
    /// Heads by their indices.
    package static let heads = MethodOption<[Int]>("heads", valueName: "list")

    /// Reads `0,3`; nil where that is no list of different numbers.
    package static func heads(parsing text: String) -> [Int]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let indices = parts.compactMap { $0 }
        return indices.count == parts.count && Set(indices).count == indices.count ? indices : nil
    }

    /// How the maps of several heads become one.
    package static let fusion = MethodOption<HeadFusion>(
        "fusion", counterpart: "head-fusion", text: \.rawValue)
    /// Whose attention is shown.
    package static let query = MethodOption<Query>("query", valueName: "cls|row,col|xpx,ypx|mean|probe")
    /// How a block's attention of several heads becomes one matrix.
    package static let headFusion = MethodOption<HeadFusion>(
        "head-fusion", counterpart: "fusion", text: \.rawValue)
    /// Share of a matrix's entries that is set to 0, the smallest first.
    package static let discardRatio = MethodOption<Double>("discard-ratio", valueName: "share")
    /// Whose conventions rollout follows.
    package static let compatibility = MethodOption<RolloutCompatibility>("compat", text: \.rawValue)
    /// A class as `ClassChoice` reads it.
    package static let targetClass = MethodOption<String>("class", valueName: "n|name|top")
    /// The vectors that stand for the tokens.
    package static let feature = MethodOption<TokenFeatures.Kind>("feature", text: \.rawValue)
    /// The frame that a query is in, by its index in the source.
    package static let queryFrame = MethodOption<Int>("query-frame", valueName: "n")
    /// The picture that a query is in.
    package static let queryImage = MethodOption<String>("query-image", valueName: "file")
    /// The patches that features are fitted to.
    package static let featuresOf = MethodOption<FeatureRegion>("features-of", text: \.rawValue)
    /// Neurons as `NeuronAddress.list` reads them.
    package static let neuron = MethodOption<String>("neuron", valueName: "layer:n[,…]")
    /// A channel of a head.
    package static let channel = MethodOption<Int>("channel", valueName: "n")
}
