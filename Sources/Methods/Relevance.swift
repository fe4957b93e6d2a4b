import Base
import Pixels
import Probing
import ViT

extension Method {
    /// Relevance for a class through all blocks (Chefer et al. 2021).
    package static let relevance: Method = Method(
        name: "relevance", summary: "what speaks for a class, by Chefer's rules",
        options: [
            .targetClass,
            MethodOptionUse(
                MethodOptions.blocks,
                "the layers that count, as a slice in Python; -1: for the last one, as CLIP's notebook has it",
                standard: "all"),
        ],
        arrays: [ArrayDescription("relevance", ["rows", "cols"]), .targetClass], section: .relevance,
        ofGraph: { request in
            guard !request.settings.isGiven(MethodOptions.blocks) else {
                throw VitvideoError(
                    .usage, reason: "relevance goes through all layers of \(request.model.name)",
                    nextStep: .leaveOut([.blocks]))
            }
            return try GraphClassMaps(request, .relevance)
        }
    ) { request in
        try RelevanceMaps(
            request.model, blocks: request.settings[MethodOptions.blocks],
            target: ClassChoice(request.settings[MethodOptions.targetClass] ?? "top"))
    }

    /// Grad-CAM on one block's attention.
    package static let gradCAM: Method = Method(
        name: "gradcam", title: "Grad-CAM on attention",
        summary: "the class token's attention, its heads weighted by their gradients",
        options: [
            .targetClass,
            MethodOptionUse(MethodOptions.layer, "the block, negative from the end", standard: "-1"),
        ],
        arrays: [ArrayDescription("gradcam", ["rows", "cols"]), .targetClass]
    ) { request in
        try GradCAMMaps(
            request.model, layer: request.settings[MethodOptions.layer],
            target: ClassChoice(request.settings[MethodOptions.targetClass] ?? "top"))
    }
}

/// What of each patch is relevant for a class (`Relevance`).
package struct RelevanceMaps: ClassMapSource {
    package let probed: ProbedModel
    package let target: ClassTarget
    /// The blocks that count.
    package let blocks: Range<Int>

    /// - Throws: `VitvideoError` of kind `usage` where the probed model does not classify, and for a class or blocks
    ///   that it does not have.
    package init(_ probed: ProbedModel, blocks: BlockRange? = nil, target: ClassChoice = .top) throws {
        self.probed = probed
        self.target = try ClassTarget(target, of: probed)
        self.blocks = try blocks?.indices(depth: probed.configuration.depth) ?? 0..<probed.configuration.depth
    }

    package var method: Method { .relevance }
    package var arrays: [MapArray] { [MapArray("relevance", .fused)] }
    package var fusedName: String {
        "relevance" + (blocks.count == probed.configuration.depth ? "" : ", \(blocks.layerCaption)")
    }

    package func describe(in provenance: inout Provenance) {
        describeClass(in: &provenance)
        provenance["layers"] = .integers(Array(blocks))
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try reserveBackwardPass(height: height, width: width, workers: workers, from: &availableBytes)
    }

    package func makeMapper() throws -> any ClassMapper { Relevance(model: probed.model, blocks: blocks) }
}

/// What of the class token's attention in one block speaks for a class (`AttentionGradCAM`).
package struct GradCAMMaps: ClassMapSource {
    package let probed: ProbedModel
    package let target: ClassTarget
    /// The block, 0-based.
    package let block: Int

    /// - Parameter layer: block index, negative from the end as in Python; nil for the last.
    /// - Throws: `VitvideoError` of kind `usage` where the probed model does not classify by its class token, and for a
    ///   class or a block that it does not have.
    package init(_ probed: ProbedModel, layer: Int? = nil, target: ClassChoice = .top) throws {
        self.probed = probed
        self.target = try ClassTarget(target, of: probed)
        guard self.target.classification.classifier.pooling == .classToken else {
            throw VitvideoError(
                .usage,
                reason:
                    "gradcam weights the class token's attention, which the classifier of \(probed.name) does not "
                    + "read", nextStep: .otherMethod("relevance"))
        }
        block = try probed.model.block(at: layer ?? -1)
    }

    package var method: Method { .gradCAM }
    package var arrays: [MapArray] { [MapArray("gradcam", .fused)] }
    package var fusedName: String { "Grad-CAM, layer \(block)" }

    package func describe(in provenance: inout Provenance) {
        describeClass(in: &provenance)
        provenance["layer"] = .integer(block)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try reserveBackwardPass(height: height, width: width, workers: workers, from: &availableBytes)
    }

    package func makeMapper() throws -> any ClassMapper {
        AttentionGradCAM(model: probed.model, block: block)
    }
}

extension ClassMapSource {
    /// Takes what plain backward passes need off the memory there is.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where it does not fit.
    fileprivate func reserveBackwardPass(
        height: Int, width: Int, workers: Int, from availableBytes: inout Int?
    ) throws {
        try probed.reserveMemory(
            method.title, on: try layout(height: height, width: width), workers: workers,
            from: &availableBytes
        ) { $0.backwardPass(GradientRequest(target: .topLogit)) }
    }
}

extension MethodSection {
    /// Relevance for the likeliest classes.
    static let relevance: MethodSection = MethodSection(
        name: "relevance", title: "Relevance", place: 42, needsClassifier: true,
        explanation: { _ in
            "What of each patch is relevant for a class (Chefer et al. 2021): attention times the gradient of the class's "
                + "logit, negatives set to 0, summed over all ways through the layers, for the likeliest classes. "
                + scaleNote
        },
        makeProbe: { context in
            let model = context.probed.model
            let mapper = Relevance(model: model, blocks: 0..<model.configuration.depth)
            let classifier = context.probed.classification?.classifier
            return SectionProbe(checkMemory: { input in
                guard context.settings.classes > 0 else { return }
                try GridMemory.check(
                    "relevance", patchSize: model.configuration.patchSize, rows: input.rows,
                    columns: input.columns, workers: context.workers,
                    availableBytes: context.availableBytes()
                ) {
                    MemoryModel(model.configuration, rows: $0, columns: $1).backwardPass(
                        GradientRequest(target: .topLogit))
                }
            }) { picture in
                let tiles = try picture.ranked.map { target in
                    SectionFigure.Tile(
                        caption: target.name,
                        map: try mapper.run(
                            picture.input, target: .logit(target.index), classifier: classifier
                        ).map)
                }
                return [relevance(tiles, picture.ranked, context.probed.name)]
            }
        },
        ofGraph: { picture in
            let tiles = try picture.ranked.map { target in
                var settings = MethodSettings()
                settings[MethodOptions.targetClass] = "\(target.index)"
                return SectionFigure.Tile(
                    caption: target.name, map: try picture.look(by: .relevance, settings).maps.fused)
            }
            return [relevance(tiles, picture.ranked, picture.model.name)]
        })

    private static func relevance(
        _ tiles: [SectionFigure.Tile], _ ranked: [ClassLabels.Ranked], _ model: String
    ) -> SectionFigure {
        SectionFigure(
            tiles: tiles,
            arrays: [
                FigureArray("relevance", tiles.map(\.map)),
                FigureArray("class", [ranked.count], ranked.map { Float($0.index) }),
            ],
            text: "Relevance in \(model) for " + ranked.map(\.name).joined(separator: ", "))
    }
}
