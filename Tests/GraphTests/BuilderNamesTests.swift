import Base
import Checkpoints
import Fixtures
import Foundation
import Graph
import Testing

/// Names that other versions have, and what is known without a configuration.
@Suite struct BuilderNamesTests {
    /// A name with the number of a list in it changed.
    private func moving(_ name: String, _ list: String, _ part: String, by step: Int) -> String {
        guard name.hasPrefix(list + "."),
            let number = Int(name.dropFirst(list.count + 1).prefix { $0 != "." }),
            name.contains(".\(part).")
        else { return name }
        return name.replacing("\(list).\(number).\(part)", with: "\(list).\(number + step).\(part)")
    }

    @Test(arguments: ["swin", "swinv2"]) func swinsOriginalNames(_ name: String) throws {
        let variant = try BuilderVariant(name)
        let file = try variant.renamed {
            "module." + moving($0, "layers", "downsample", by: -1).replacing("head.fc.", with: "head.")
        }
        #expect(file.names.contains("module.layers.0.downsample.reduction.weight"))
        #expect(try variant.error(file) < 1e-4)
    }

    @Test func pitsPoolingOfBefore() throws {
        let variant = try BuilderVariant("pit")
        let early = try variant.renamed { moving($0, "transformers", "pool", by: -1) }
        #expect(early.names.contains("transformers.0.pool.fc.weight"))
        #expect(try variant.error(early) < 1e-4)
        let apart = try variant.renamed {
            moving($0, "transformers", "pool", by: -1)
                .replacing("transformers.0.pool", with: "pools.0")
                .replacing("transformers.1.pool", with: "pools.1")
        }
        #expect(apart.names.contains("pools.1.conv.weight"))
        #expect(try variant.error(apart) < 1e-4)
    }

    /// Blocks share layers, and a file may have one copy of each, under any of its names.
    @Test(arguments: ["coat_lite", "coat_parallel"]) func coatsSharedLayersOnce(_ name: String) throws {
        let variant = try BuilderVariant(name)
        let once = try variant.renamed { name in
            let isCopy = name.contains("blocks") && (name.contains("cpe.") || name.contains("crpe.conv"))
            return isCopy || name.contains(".mlp3") || name.contains(".mlp4") ? nil : name
        }
        #expect(try variant.error(once) < 1e-4)
        let blocks = try variant.renamed { name in
            name.hasPrefix("cpe") || name.hasPrefix("crpe") || name.contains(".mlp2") ? nil : name
        }
        #expect(try variant.error(blocks) < 1e-4)
    }

    /// Two heads would be two layers of features of two tokens.
    @Test(arguments: GraphGolden.all.filter { $0.name != "pit_distilled" })
    func withoutAHeadFeaturesComeOut(_ golden: GraphGolden) throws {
        let variant = try BuilderVariant(golden.name)
        let file = try variant.renamed { $0.hasPrefix("head") ? nil : $0 }
        let expected = try golden.expected()
        let (picture, height, width) = try expected.input()
        let features = try GraphRun(
            golden.family.graph(of: file, height: height, width: width), picture
        ).output
        let own = try golden.checkpoint()
        let name = own["head.fc.weight"] == nil ? "head" : "head.fc"
        let (weight, bias) = (try own.floats(name + ".weight"), try own.floats(name + ".bias"))
        let classes = bias.indices.map { c in
            features.indices.reduce(bias[c]) { $0 + weight[c * features.count + $1] * features[$1] }
        }
        #expect(relativeError(classes, try expected.floats("output")) < 1e-4)
    }

    // MARK: What no weight tells

    /// `relative_coords_table` as the original has it: log-spaced offsets, 1 × (2·window − 1)² × 2.
    private func coordinates(window: Int, measured: Int) -> BuilderVariant.Tensor {
        let offsets = (1 - window..<window).map { offset in
            let share = 8 * Double(offset) / Double(measured - 1)
            return Float((share < 0 ? -1 : 1) * log2(abs(share) + 1) / 3)
        }
        let side = offsets.count
        return ("", [1, side, side, 2], offsets.flatMap { row in offsets.flatMap { [row, $0] } })
    }

    /// Windows of 3, offsets of the first stage measured by those of 5.
    @Test func swinV2sBuffersTellItsWindows() throws {
        let variant = try BuilderVariant("swinv2")
        let file = try variant.write(arguments: nil) { tensors in
            tensors
                + [(0, 5), (1, 3)].map { stage, measured in
                    let table = coordinates(window: 3, measured: measured)
                    return (
                        "layers.\(stage).blocks.0.attn.relative_coords_table", table.shape, table.values
                    )
                }
        }
        #expect(try variant.error(file) < 1e-4)
    }

    /// What a file's model makes of the golden's picture, by the words beside it, which are read with the weights.
    private func output(_ variant: BuilderVariant, _ file: Checkpoint) throws -> [Float] {
        let (picture, height, width) = try variant.golden.expected().input()
        return try GraphRun(
            variant.golden.family.graph(of: file, height: height, width: width), picture
        ).output
    }

    @Test func swinV2sNameTellsItsWindows() throws {
        let variant = try BuilderVariant("swinv2")
        let told = try output(variant, variant.write(arguments: ["pretrained_window_sizes": [0, 0]]))
        let named = try variant.write(arguments: nil, named: "swinv2_tiny_window3_20.safetensors")
        #expect(try output(variant, named) == told)
        let nameless = try variant.write(arguments: nil)
        let refused = try refusal { try GraphFamily.swinV2.graph(of: nameless, height: 20, width: 20) }
        #expect(refused?.reason == "nothing tells the size of its windows")
        #expect(refused?.description.contains("window8") == true)
    }

    /// Names of published models say by which window offsets were measured before.
    @Test func swinV2sNameTellsThePretrainingsWindows() throws {
        let variant = try BuilderVariant("swinv2")
        let told = try output(variant, variant.write(arguments: ["pretrained_window_sizes": [12, 12]]))
        let named = try variant.write(arguments: nil, named: "swinv2_base_window12to3_192to20.safetensors")
        #expect(try output(variant, named) == told)
    }

    @Test(arguments: ["pit", "twins_svt", "twins_pcpvt"]) func headsAreNotGuessed(_ name: String) throws {
        let variant = try BuilderVariant(name)
        let file = try variant.write(arguments: nil)
        let refused = try refusal { try variant.golden.family.graph(of: file, height: 48, width: 48) }
        #expect(refused?.kind == .badData && refused?.reason == "nothing tells the number of its heads")
        #expect(refused?.description.contains("config.json") == true)
    }

    /// The goldens' stages made as wide as the published ones.
    @Test(arguments: [
        ("pit", [64, 128, 256], [2, 4, 8]), ("pit", [96, 192, 384], [2, 4, 8]),
        ("pit", [144, 288, 576], [3, 6, 12]), ("pit", [256, 512, 1024], [4, 8, 16]),
        ("twins_svt", [64, 128, 256], [2, 4, 8]), ("twins_pcpvt", [64, 128, 320], [1, 2, 5]),
    ]) func headsOfPublishedWidths(_ name: String, widths: [Int], heads: [Int]) throws {
        let variant = try BuilderVariant(name)
        let own = name == "pit" ? [8, 16, 32] : [8, 16, 24]
        let file = try variant.write(arguments: nil) { tensors in
            tensors.map { tensor in
                let shape = tensor.shape.enumerated().map { axis, size in
                    wide(tensor.name, axis, size, own, widths)
                }
                return (tensor.name, shape, [Float](repeating: 0.01, count: shape.reduce(1, *)))
            }
        }
        let graph = try variant.golden.family.graph(of: file, height: 48, width: 48).prepared()
        let matrices = AttentionMatrix.all(of: try PlacedGraph(graph)).matrices
        var found: [Int] = []
        for matrix in matrices where found.last != matrix.heads { found.append(matrix.heads) }
        #expect(found == heads)
    }

    /// An axis of a tensor where stages of `own` widths become as wide as `widths`.
    private func wide(_ name: String, _ axis: Int, _ size: Int, _ own: [Int], _ widths: [Int]) -> Int {
        // Kernels, positions, classes and the picture's colors stay.
        let isKernel = axis >= 2 && name != "cls_token"
        if isKernel || size == 1 || size == 3 || size == 5 || name == "pos_embed" && axis == 0 { return size }
        let stage =
            name.split(separator: ".").dropFirst().first.flatMap { Int($0) }
            ?? (name.hasPrefix("norm") || name.hasPrefix("head") ? own.count - 1 : 0)
        // Inputs of what makes a stage of the one before are as wide as that one.
        let isBefore =
            axis == 1 && (name.contains("pool.fc") || name.contains("patch_embeds")) && stage > 0
        let from = isBefore ? stage - 1 : stage
        guard size % own[from] == 0 else { return size }
        return size / own[from] * widths[from]
    }

    @Test(arguments: ["convit", "cait", "coat_lite", "coat_parallel"])
    func featuresMayBeTheMean(_ name: String) throws {
        let variant = try BuilderVariant(name)
        #expect(try variant.error(variant.write(arguments: ["global_pool": ""])) < 1e-4)
        #expect(try variant.error(variant.write(arguments: ["global_pool": "avg"])) > 1e-2)
        let other = try variant.write(arguments: ["global_pool": "map"])
        let refused = try refusal { try variant.golden.family.graph(of: other, height: 64, width: 64) }
        #expect(refused?.kind == .usage && refused?.reason.contains("'map'") == true)
    }
}
