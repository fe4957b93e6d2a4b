import Base
import Pixels
import Probing
import Rendering
import ViT

extension Method {
    /// Queries and keys of one channel.
    package static let queriesAndKeys = Method(
        name: "qk", title: "queries and keys", summary: "queries and keys of one channel",
        options: [
            MethodOptionUse(
                MethodOptions.layer, "the block, negative from the end", standard: "-1"),
            MethodOptionUse(MethodOptions.heads, "one head", standard: "0", takesOneValue: true),
            MethodOptionUse(MethodOptions.channel, "the channel of the head", standard: "0"),
        ],
        arrays: ["q", "k"].map { ArrayDescription($0, ["rows", "cols"], note: "through the sigmoid") },
        maps: .several, section: .queriesAndKeys, reusesFrames: true
    ) { request in
        try QueryKeyMaps(
            request.model, engine: try request.makeEngine(),
            layer: request.settings[MethodOptions.layer] ?? -1,
            head: request.settings[MethodOptions.heads]?.first ?? 0,
            channel: request.settings[MethodOptions.channel] ?? 0)
    }
}

/// The queries and the keys of one channel of one head, each through the sigmoid.
package struct QueryKeyMaps: ReusingMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    /// The block, 0-based.
    package let block: Int
    package let head: Int
    /// Of the head, 0-based.
    package let channel: Int

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - layer: block index, negative from the end as in Python.
    /// - Throws: `VitvideoError` of kind `usage` for a block, a head or a channel that the model does not have.
    package init(
        _ probed: ProbedModel, engine: Engine, layer: Int = -1, head: Int = 0, channel: Int = 0
    ) throws {
        self.probed = probed
        self.engine = engine
        block = try probed.model.block(at: layer)
        self.head = try probed.heads([head])[0]
        let channels = probed.configuration.headWidth
        guard (0..<channels).contains(channel) else {
            throw VitvideoError(
                .usage, reason: "there is no channel \(channel): a head has channels 0 to \(channels - 1)")
        }
        self.channel = channel
    }

    package var method: Method { .queriesAndKeys }
    package var summary: String { "layer \(block), head \(head), channel \(channel)" }
    package var arrays: [MapArray] { [MapArray("q", .part(0)), MapArray("k", .part(1))] }
    package var partNames: [String] { ["query", "key"] }
    package var fusedName: String { "mean" }

    package func describe(in provenance: inout Provenance) {
        provenance["layer"] = .integer(block)
        provenance["heads"] = .integers([head])
        provenance["channel"] = .integer(channel)
    }

    package func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed, block, head, channel] image in
            let (images, result) = try QueryKeyImages.run(
                pass, try preprocessor.patches(of: image), block: block, request)
            let parts = try [QueryKeyImages.Part.query, .key].map {
                try images.image($0, head: head, channel: channel)
            }
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(result))
        }
    }
}

extension MethodSection {
    /// Channels of the report that are shown; the archive has all.
    private static let shownChannels = 6

    /// The first channels of one head's queries and keys.
    static let queriesAndKeys = MethodSection(
        name: "qk", title: "Queries and keys", place: 60,
        explanation: { settings in
            "Single channels of the queries and keys of head \(settings.head) in \(settings.layerText), through the "
                + "sigmoid, one value a patch. Attention is high where bright queries meet bright keys. "
                + scaleNote
        },
        check: { settings, probed in
            _ = try probed.model.block(at: settings.layer)
            _ = try probed.heads([settings.head])
        },
        makeProbe: { context in
            let block = try context.probed.model.block(at: context.settings.layer)
            let head = context.settings.head
            return SectionProbe { picture in
                let images = try QueryKeyImages.run(context.pass, picture.input, block: block).images
                let parts = try QueryKeyImages.Part.allCases.map { part in
                    try (0..<images.headWidth).map { try images.image(part, head: head, channel: $0) }
                }
                let shown = min(shownChannels, images.headWidth)
                let tiles = zip(["q", "k"], parts).flatMap { letter, channels in
                    channels.prefix(shown).enumerated().map {
                        SectionFigure.Tile(caption: "\(letter), channel \($0)", map: $1)
                    }
                }
                // Opaque: the shape in the channel is what is looked for, not where it lies on the picture.
                return [
                    SectionFigure(
                        tiles: tiles, columns: shown,
                        arrays: [FigureArray("q", parts[0]), FigureArray("k", parts[1])],
                        text:
                            "Queries above, keys below: the first \(shown) channels of head \(head) in layer "
                            + "\(block) of \(context.probed.name)",
                        style: HeatStyle(colorMap: .viridis, alpha: 1, interpolation: .nearest))
                ]
            }
        })
}
