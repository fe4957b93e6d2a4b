import Pixels
import Probing
import ViT

extension Method {
    /// Rollout of the attention weighted by a class's gradient.
    package static let gradientRollout: Method = Method(
        name: "gradient-rollout", title: "gradient rollout", summary: "what of it speaks for a class",
        options: MethodOptionUse.rollout + [.targetClass],
        arrays: [
            ArrayDescription("gradient_rollout", ["rows", "cols"]),
            .targetClass,
        ], section: .gradientRollout,
        ofGraph: { try GraphClassMaps($0, .gradientRollout(RolloutOptions($0.settings).checkedForGraphs())) },
        validate: { _ = try RolloutOptions($0) }
    ) { request in
        try GradientRolloutMaps(
            request.model, options: try RolloutOptions(request.settings),
            target: ClassChoice(request.settings[MethodOptions.targetClass] ?? "top"))
    }
}

/// Rollout of each block's attention weighted by a class's gradient (vit-explain): what speaks for the class.
package struct GradientRolloutMaps: ClassMapSource {
    package let probed: ProbedModel
    package let options: RolloutOptions
    package let target: ClassTarget

    /// - Throws: `VitvideoError` of kind `usage` where the probed model does not classify, for a class that it does
    ///   not have, and for options that gradient rollout does not have.
    package init(_ probed: ProbedModel, options: RolloutOptions, target: ClassChoice = .top) throws {
        self.probed = probed
        self.options = options
        self.target = try ClassTarget(target, of: probed)
        // Found out now instead of by the first worker.
        _ = try makeMapper()
    }

    package var method: Method { .gradientRollout }
    package var arrays: [MapArray] { [MapArray("gradient_rollout", .fused)] }
    package var fusedName: String { "gradient rollout" + options.caption }

    package func describe(in provenance: inout Provenance) {
        options.describe(in: &provenance)
        describeClass(in: &provenance)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try options.reserveMemory(
            for: probed, on: try layout(height: height, width: width), isGradient: true, workers: workers,
            from: &availableBytes)
    }

    package func makeMapper() throws -> any ClassMapper {
        try GradientRollout(model: probed.model, options: options)
    }
}

extension MethodSection {
    /// Gradient rollout for the likeliest classes, at several discard ratios.
    static let gradientRollout: MethodSection = MethodSection(
        name: "gradient-rollout", title: "Gradient rollout", place: 40, needsClassifier: true,
        explanation: { _ in
            "Rollout of attention times the gradient of one class's logit, negatives set to 0 "
                + "(vit-explain), for the likeliest classes: where the evidence for each is. " + scaleNote
        },
        check: { settings, _ in _ = try options(settings) },
        makeProbe: { context in
            let rollouts = try options(context.settings).map {
                try GradientRollout(model: context.probed.model, options: $0)
            }
            let classifier = context.probed.classification?.classifier
            return SectionProbe(checkMemory: { input in
                guard context.settings.classes > 0 else { return }
                for options in rollouts.map(\.options).sorted(by: RolloutOptions.needsMore) {
                    try options.checkMemory(for: input, in: context, isGradient: true)
                }
            }) { picture in
                var tiles: [SectionFigure.Tile] = []
                for target in picture.ranked {
                    for rollout in rollouts {
                        let found = try rollout.run(
                            picture.input, target: .logit(target.index), classifier: classifier)
                        tiles.append(
                            SectionFigure.Tile(
                                caption: "\(target.name), \(rollout.options.discardCaption)", map: found.map))
                    }
                }
                return [gradientRollout(tiles, picture.ranked, context.settings, context.probed.name)]
            }
        },
        ofGraph: { picture in
            let all = try options(picture.settings)
            let tiles = try picture.ranked.flatMap { target in
                try all.map { options in
                    var settings = options.settings
                    settings[MethodOptions.targetClass] = "\(target.index)"
                    return SectionFigure.Tile(
                        caption: "\(target.name), \(options.discardCaption)",
                        map: try picture.look(by: .gradientRollout, settings).maps.fused)
                }
            }
            return [gradientRollout(tiles, picture.ranked, picture.settings, picture.model.name)]
        })

    private static func gradientRollout(
        _ tiles: [SectionFigure.Tile], _ ranked: [ClassLabels.Ranked], _ settings: ReportSettings,
        _ model: String
    ) -> SectionFigure {
        let ratios = settings.discardRatios
        return SectionFigure(
            tiles: tiles, columns: ratios.count,
            arrays: [
                FigureArray("gradient_rollout", tiles.map(\.map), front: [ranked.count, ratios.count]),
                FigureArray("class", [ranked.count], ranked.map { Float($0.index) }),
                FigureArray("discard_ratio", [ratios.count], ratios.map { Float($0) }),
            ],
            text: "Gradient rollout through \(model) for " + ranked.map(\.name).joined(separator: ", "))
    }

    private static func options(_ settings: ReportSettings) throws -> [RolloutOptions] {
        try settings.discardRatios.map { try RolloutOptions(discardRatio: $0) }
    }
}
