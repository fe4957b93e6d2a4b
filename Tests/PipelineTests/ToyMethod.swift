import Foundation
import Methods
import Pixels
import Probing
import ViT

/// The method that CONTRIBUTING.md shows how to add: where the class token's attention is spread, by patch.
///
/// The map is −a·log_b a of each patch's attention a, mean over the heads; its sum is the attention's entropy.
enum ToyOptions {
    /// The logarithm's base b.
    static let base = MethodOption<Double>("base", valueName: "b")
}

extension Method {
    static let entropy = Method(
        name: "entropy", title: "attention entropy", summary: "how the class token's attention is spread",
        options: [
            MethodOptionUse(MethodOptions.layer, "the block, negative from the end", standard: "-1"),
            MethodOptionUse(ToyOptions.base, "base of the logarithm", standard: "2"),
        ],
        arrays: [ArrayDescription("entropy", ["rows", "cols"])], section: .entropy
    ) { request in
        EntropyMaps(
            probed: request.model, engine: try request.makeEngine(),
            block: try request.model.model.block(at: request.settings[MethodOptions.layer] ?? -1),
            base: request.settings[ToyOptions.base] ?? 2)
    }
}

struct EntropyMaps: ForwardMapSource {
    let probed: ProbedModel
    let engine: Engine
    let block: Int
    let base: Double

    var method: Method { .entropy }
    var summary: String { "layer \(block), base \(base)" }
    var arrays: [MapArray] { [MapArray("entropy", .fused)] }
    var partNames: [String] { [] }
    var fusedName: String { "entropy" }

    func describe(in provenance: inout Provenance) {
        provenance["layer"] = .integer(block)
        provenance["base"] = .number(base)
    }

    /// What a resumed job would go on with, had the method anything to fit.
    func savedState() throws -> Data? { Data("\(base)".utf8) }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        let request = ForwardRequest(attentionBlocks: [block])
        return { image in
            let result = try pass.run(try preprocessor.patches(of: image), request)
            return FrameMaps(
                parts: [], fused: Self.map(of: result.attention[block]?.planes ?? [], base: base))
        }
    }

    static func map(of heads: [Plane], base: Double) -> Plane {
        HeadFusion.mean.fuse(
            heads.map { head in
                var map = head
                for index in map.values.indices where map.values[index] > 0 {
                    map.values[index] *= -log(map.values[index]) / Float(log(base))
                }
                return map
            })
    }
}

extension MethodSection {
    static let entropy = MethodSection(
        name: "entropy", title: "Attention entropy", place: 15,
        explanation: { "How the class token's attention is spread in \($0.layerText)." },
        require: { request, probed in
            request.attentionBlocks.formUnion(0..<probed.configuration.depth)
        },
        makeProbe: { context in
            let block = try context.probed.model.block(at: context.settings.layer)
            return { picture in
                let map = EntropyMaps.map(of: picture.result.attention[block]?.planes ?? [], base: 2)
                return [
                    SectionFigure(
                        tiles: [SectionFigure.Tile(caption: "entropy", map: map)],
                        arrays: [FigureArray("entropy", [map])], text: "Entropy by patch")
                ]
            }
        })
}
