import ArgumentParser
import Pipeline
import Probing
import ViT

extension ProbingMethod: ExpressibleByArgument {}
extension HeadFusion: ExpressibleByArgument {}
extension RolloutCompatibility: ExpressibleByArgument {
    /// The definition itself is what there is without the option.
    package static var allValueStrings: [String] {
        allCases.filter { $0 != .standard }.map(\.rawValue)
    }

    package init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        self.init(rawValue: argument)
    }
}

/// What is computed from the model.
struct MethodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            attention: of one block, per head. rollout: attention through all blocks. gradient-rollout: what of \
            it speaks for a class. layers: attention of every block. qk: queries and keys of one channel. \
            features: the patches' first three principal components as colours.
            """))
    var method: ProbingMethod = .attention

    // The value may begin with a minus.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "attention, qk: the block, negative from the end. (default: -1)", valueName: "n"))
    var layer: Int?

    @Option(
        help: ArgumentHelp(
            """
            attention: heads to show, fuse and export, such as 0,3; layers: heads to fuse (default: all). qk: \
            one head (default: 0).
            """, valueName: "list"))
    var heads: HeadList?

    @Option(help: "attention, layers: how the heads are fused. (default: mean)")
    var fusion: HeadFusion?

    @Option(
        help: ArgumentHelp(
            """
            attention, layers: what attends. cls, the class token; ROW,COL, a patch of the grid; or Xpx,Ypx, the \
            patch under a pixel of the frame. (default: cls)
            """, valueName: "cls|row,col|xpx,ypx"),
        transform: { try Query(parsing: $0) })
    var query: Query?

    @Option(
        help: ArgumentHelp(
            "rollout, gradient-rollout: how a block's heads become one matrix. (default: mean)"))
    var headFusion: HeadFusion?

    @Option(
        help: ArgumentHelp(
            "rollout, gradient-rollout: share of each matrix that is set to 0, the smallest first. (default: 0)",
            valueName: "share"))
    var discardRatio: Double?

    @Option(
        help: """
            rollout, gradient-rollout: compute as the Keras example or as vit-explain does, quirks included.
            """)
    var compat: RolloutCompatibility?

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp(
            """
            gradient-rollout: the class, by its number or its name (in --labels, else in ImageNet's list), or \
            top, the likeliest of each frame. (default: top)
            """, valueName: "n|name|top"))
    var target: String?

    @Option(help: ArgumentHelp("qk: the channel of the head. (default: 0)", valueName: "n"))
    var channel: Int?

    func validate() throws {
        try check("--layer", isGiven: layer != nil, [.attention, .queryKey])
        try check("--heads", isGiven: heads != nil, [.attention, .layers, .queryKey])
        try check(
            "--fusion", isGiven: fusion != nil, [.attention, .layers],
            elsewhere: usesRollout ? "--head-fusion" : nil)
        try check("--query", isGiven: query != nil, [.attention, .layers])
        try check(
            "--head-fusion", isGiven: headFusion != nil, [.rollout, .gradientRollout],
            elsewhere: method == .attention || method == .layers ? "--fusion" : nil)
        try check("--discard-ratio", isGiven: discardRatio != nil, [.rollout, .gradientRollout])
        try check("--compat", isGiven: compat != nil, [.rollout, .gradientRollout])
        try check("--class", isGiven: target != nil, [.gradientRollout])
        try check("--channel", isGiven: channel != nil, [.queryKey])
        do {
            _ = try rolloutOptions()
        } catch let error as ProbingError {
            throw ValidationError(error.description)
        }
        if method == .queryKey, let heads, heads.indices.count != 1 {
            throw ValidationError("--method qk shows one head; give --heads one number")
        }
    }

    private var usesRollout: Bool { method == .rollout || method == .gradientRollout }

    private func check(
        _ option: String, isGiven: Bool, _ methods: [ProbingMethod], elsewhere: String? = nil
    ) throws {
        guard isGiven, !methods.contains(method) else { return }
        let names = methods.map(\.rawValue).joined(separator: " and ")
        throw ValidationError(
            "\(option) goes with --method \(names), not with \(method.rawValue)"
                + (elsewhere.map { "; here it is \($0)" } ?? ""))
    }

    /// The class that a gradient is taken of; nil where none is.
    var classChoice: ClassChoice? {
        method == .gradientRollout ? ClassChoice(target ?? "top") : nil
    }

    /// A model looked at by the method.
    ///
    /// - Parameters:
    ///   - head: a head by its number, as --head gives it.
    ///   - threads: how many share a frame before the run.
    ///   - availableBytes: memory that may be taken before the run; nil where unknown.
    ///   - sampler: the frames that principal components are fitted to.
    ///   - fitted: the components, where they have been fitted before.
    ///   - makeEngine: makes the model ready to compute.
    /// - Throws: `ModelError`, `ProbingError`, `GradientError`, `PipelineError`, `VitvideoError`.
    func source(
        of model: ProbedModel, head: Int?, threads: Int, availableBytes: Int?, sampler: FrameSampler,
        fitted: FittedFeatures?, makeEngine: () throws -> Engine
    ) throws -> any MapSource {
        let heads = heads?.indices ?? head.map { [$0] }
        let query = query ?? .classToken
        switch method {
        case .attention:
            return try AttentionMaps(
                model, engine: try makeEngine(), layer: layer ?? -1, heads: heads, fusion: fusion ?? .mean,
                query: query)
        case .layers:
            return try LayerMaps(
                model, engine: try makeEngine(), heads: heads, fusion: fusion ?? .mean, query: query)
        case .queryKey:
            return try QueryKeyMaps(
                model, engine: try makeEngine(), layer: layer ?? -1, head: heads?.first ?? 0,
                channel: channel ?? 0)
        case .rollout:
            return RolloutMaps(model, engine: try makeEngine(), options: try rolloutOptions())
        case .gradientRollout:
            return try GradientRolloutMaps(
                model, options: try rolloutOptions(), target: classChoice ?? .top)
        case .features:
            if let fitted { return FeatureMaps(model, engine: try makeEngine(), fitted: fitted) }
            return try FeatureMaps(
                model, engine: try makeEngine(), threads: threads, availableBytes: availableBytes,
                fittedTo: sampler.forEachFrame)
        }
    }

    /// Whether a head by its number means anything.
    var looksAtHeads: Bool { [.attention, .layers, .queryKey].contains(method) }

    private func rolloutOptions() throws -> RolloutOptions {
        try RolloutOptions(
            headFusion: headFusion ?? .mean, discardRatio: discardRatio ?? 0,
            compatibility: compat ?? .standard)
    }
}

/// `0,3`.
struct HeadList: ExpressibleByArgument {
    let indices: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let indices = parts.compactMap { $0 }
        guard indices.count == parts.count, Set(indices).count == indices.count else { return nil }
        self.indices = indices
    }
}
