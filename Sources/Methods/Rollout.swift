import Base
import Pixels
import Probing
import ViT

extension Method {
    /// Attention rolled out through all blocks.
    package static let rollout: Method = Method(
        name: "rollout", summary: "attention through all blocks", options: MethodOptionUse.rollout,
        arrays: [ArrayDescription("rollout", ["rows", "cols"], note: "the largest 1")], section: .rollout,
        ofGraph: { try GraphRolloutMaps($0) }, validate: { _ = try RolloutOptions($0) }
    ) { request in
        RolloutMaps(
            request.model, engine: try request.makeEngine(), options: try RolloutOptions(request.settings))
    }
}

extension MethodOptionUse {
    /// The options of every kind of rollout.
    static let rollout = [
        MethodOptionUse(
            MethodOptions.headFusion, "how a block's heads become one matrix", standard: "mean"),
        MethodOptionUse(
            MethodOptions.discardRatio, "share of each matrix that is set to 0, the smallest first",
            standard: "0"),
        MethodOptionUse(
            MethodOptions.compatibility,
            "compute as the Keras example or as vit-explain does, quirks included"),
    ]
}

/// What reaches the class token of which patch through all blocks (Abnar & Zuidema 2020).
package struct RolloutMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let options: RolloutOptions

    /// - Parameter engine: of the probed model.
    package init(_ probed: ProbedModel, engine: Engine, options: RolloutOptions) {
        self.probed = probed
        self.engine = engine
        self.options = options
    }

    package var method: Method { .rollout }
    package var summary: String { fusedName }
    package var arrays: [MapArray] { [MapArray("rollout", .fused)] }
    package var partNames: [String] { [] }
    package var fusedName: String { "rollout" + options.caption }

    package func describe(in provenance: inout Provenance) { options.describe(in: &provenance) }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try options.reserveMemory(
            for: probed, on: try layout(height: height, width: width), workers: workers, from: &availableBytes
        )
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let rollout = Rollout(pass: try ForwardPass(engine: engine, threads: threads), options: options)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed] image in
            let (map, result) = try rollout.run(try preprocessor.patches(of: image), request)
            return FrameMaps(parts: [], fused: map, prediction: probed.prediction(result))
        }
    }
}

extension RolloutOptions {
    /// - Throws: `VitvideoError` of kind `usage` for options that exclude each other.
    init(_ settings: MethodSettings) throws {
        try self.init(
            headFusion: settings[MethodOptions.headFusion] ?? .mean,
            discardRatio: settings[MethodOptions.discardRatio] ?? 0,
            compatibility: settings[MethodOptions.compatibility] ?? .standard)
    }

    /// As `init(_:)` reads them.
    var settings: MethodSettings {
        var settings = MethodSettings()
        settings[MethodOptions.headFusion] = headFusion
        settings[MethodOptions.discardRatio] = discardRatio
        settings[MethodOptions.compatibility] = compatibility
        return settings
    }

    func describe(in provenance: inout Provenance) {
        provenance["head_fusion"] = .text(headFusion.rawValue)
        provenance["discard_ratio"] = .number(discardRatio)
        provenance["compat"] = .text(compatibility.rawValue)
    }

    /// What departs from the definition, to be put behind the method's name: ", max, discard 0.9".
    var caption: String {
        (headFusion == .mean ? "" : ", \(headFusion.rawValue)")
            + (discardRatio == 0 ? "" : ", discard \(discardRatio)")
            + (compatibility == .standard ? "" : ", \(compatibility.rawValue)")
    }

    /// Takes what rollout needs off the memory there is.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where it does not fit.
    func reserveMemory(
        for probed: ProbedModel, on layout: InputLayout, isGradient: Bool = false, workers: Int,
        from availableBytes: inout Int?
    ) throws {
        guard let available = availableBytes else { return }
        try RolloutMemory.check(
            probed.configuration, rows: layout.rows, columns: layout.columns, options: self,
            isGradient: isGradient, workers: workers, availableBytes: available)
        let needed = RolloutMemory.bytes(
            probed.configuration, rows: layout.rows, columns: layout.columns, options: self,
            isGradient: isGradient)
        availableBytes = available - workers * needed
    }
}

extension MethodSection {
    /// Rollout by three fusions of heads, at several discard ratios.
    static let rollout: MethodSection = MethodSection(
        name: "rollout", title: "Attention rollout", place: 30,
        explanation: { _ in
            "How much of each patch reaches the class token (in a model without one what it pools) through all layers "
                + "(Abnar & Zuidema 2020): "
                + "the product of the layers' attention with the residual path in. Heads are fused by mean, max "
                + "or min; the discard ratio is the share of each fused matrix, the smallest entries, that is set "
                + "to 0 first (vit-explain). " + scaleNote
        },
        check: { settings, _ in _ = try options(settings) },
        makeProbe: { context in
            let all = try options(context.settings)
            let rollouts = RolloutSet(pass: context.pass)
            /// Whether all rollouts of a picture fit into memory in one go.
            func fitTogether(_ input: PatchMatrix) -> Bool {
                let needed = RolloutMemory.bytes(
                    context.probed.configuration, rows: input.rows, columns: input.columns, together: all)
                return context.workers * needed <= context.availableBytes()
            }
            return SectionProbe(checkMemory: { input in
                guard !fitTogether(input) else { return }
                for options in all.sorted(by: RolloutOptions.needsMore) {
                    try options.checkMemory(for: input, in: context)
                }
            }) { picture in
                let input = picture.input
                // Where not all fit, one after the other does.
                let maps = try (fitTogether(input) ? [all] : all.map { [$0] })
                    .flatMap { try rollouts.run(input, $0) }
                return [rollout(maps, by: all, context.settings, context.probed.name)]
            }
        },
        ofGraph: { picture in
            let all = try options(picture.settings)
            let maps = try all.map { try picture.look(by: .rollout, $0.settings).maps.fused }
            return [rollout(maps, by: all, picture.settings, picture.model.name)]
        })

    private static func rollout(
        _ maps: [Plane], by all: [RolloutOptions], _ settings: ReportSettings, _ model: String
    ) -> SectionFigure {
        let ratios = settings.discardRatios
        return SectionFigure(
            tiles: zip(all, maps).map { options, map in
                SectionFigure.Tile(
                    caption: "\(options.headFusion.rawValue), \(options.discardCaption)", map: map)
            }, columns: ratios.count,
            arrays: [
                FigureArray("rollout", maps, front: [maps.count / ratios.count, ratios.count]),
                FigureArray("discard_ratio", [ratios.count], ratios.map { Float($0) }),
            ],
            text:
                "Attention rollout through \(model): heads fused by mean, max and min in rows, discard ratios in columns"
        )
    }

    /// Every kind of rollout that is shown, row by row.
    private static func options(_ settings: ReportSettings) throws -> [RolloutOptions] {
        try [HeadFusion.mean, .max, .min].flatMap { fusion in
            try settings.discardRatios.map { try RolloutOptions(headFusion: fusion, discardRatio: $0) }
        }
    }
}

extension RolloutOptions {
    /// "discard 0.9".
    var discardCaption: String { "discard \(formatted("%g", discardRatio))" }

    /// Sorts rollouts by falling need of memory: only a discard holds a whole matrix. Checked in this order, the first
    /// refusal names a resolution at which the others fit too.
    static func needsMore(_ first: RolloutOptions, _ second: RolloutOptions) -> Bool {
        first.discardRatio > second.discardRatio
    }

    /// - Throws: `VitvideoError` of kind `usage` where rollout of a picture does not fit into memory.
    func checkMemory(for input: PatchMatrix, in context: SectionContext, isGradient: Bool = false) throws {
        try RolloutMemory.check(
            context.probed.configuration, rows: input.rows, columns: input.columns,
            options: self, isGradient: isGradient, workers: context.workers,
            availableBytes: context.availableBytes())
    }
}
