import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// Checkpoints as each original library saves them, against what that library computes from them.
@Suite struct FamilyTests {
    /// A file that `golden_scripts/families.py` wrote, and what has to be read off it.
    struct Case: Sendable, CustomTestStringConvertible {
        let file: String
        let family: Configuration.Family
        var classes = 0
        var registers = 0
        var distilled = false
        var gated = false
        /// The family where the tensors do not tell it.
        var told: Configuration.Family?
        /// Whether the file says how many heads there are.
        var tellsHeads = false
        /// Where the library has another rule for positions than the family.
        var rule: PositionInterpolation?

        var name: String { String(file.prefix { $0 != "." }) }
        var testDescription: String { file }
    }

    static let cases = [
        Case(file: "dino.pth", family: .dino),
        Case(file: "dino_wrapped.safetensors", family: .dino),
        Case(file: "dinov2_chunked.safetensors", family: .dinov2, gated: true),
        Case(file: "dinov2_registers.safetensors", family: .dinov2Registers, registers: 3),
        Case(file: "deit.pth", family: .deit, classes: 5, told: .deit),
        Case(file: "deit_distilled.safetensors", family: .deit, classes: 5, distilled: true),
        Case(file: "timm_registers.safetensors", family: .dinov2Registers, registers: 4, gated: true),
        Case(file: "hf_vit.safetensors", family: .vit, classes: 5),
        Case(file: "hf_vit_state_dict.safetensors", family: .vit),
        Case(file: "hf_deit.safetensors", family: .deit, classes: 5, distilled: true),
        Case(file: "hf_dinov2.safetensors", family: .dinov2, gated: true),
        Case(file: "hf_dinov2_registers.safetensors", family: .dinov2Registers, registers: 4),
        Case(file: "jax.npz", family: .vit, classes: 5, tellsHeads: true),
        // DINOv2 ViT-g.
        Case(file: "dinov2_registers_gated.safetensors", family: .dinov2Registers, registers: 4, gated: true),
        Case(file: "timm_gated.safetensors", family: .dinov2, gated: true, rule: .antialiased),
        Case(
            file: "hf_dinov2_registers_gated.safetensors", family: .dinov2Registers, registers: 4, gated: true
        ),
    ]

    @Test(arguments: cases) func loadsAsTheOriginal(_ item: Case) throws {
        let expected = try Checkpoint.open(
            Fixtures.golden("families/\(item.name).expected.safetensors").path)
        let heads = try #require(expected.metadata["heads"].flatMap { Int($0) })
        let model = try Model.load(
            Fixtures.golden("families/\(item.file)").path,
            told: ModelFacts(
                family: item.told, heads: item.tellsHeads ? nil : heads, positionInterpolation: item.rule))
        let c = model.configuration
        #expect(c.family == item.family)
        #expect(c.heads == heads && c.depth == 2 && c.width == 24 && c.patchSize == 4)
        #expect(c.nativeRows == 4 && c.nativeColumns == 4)
        #expect(c.classes == item.classes && c.registers == item.registers)
        #expect(c.hasDistillationToken == item.distilled)
        #expect((c.activation == .swiglu) == item.gated)

        let pass = try ForwardPass(model: model)
        for grid in ["native", "wide"] {
            let result = try pass.run(
                try input(expected, "\(grid)/input", c),
                ForwardRequest(attentionBlocks: [1], wantsTokens: true, wantsLogits: true))
            let attention = try #require(result.attention[1])
            let error = relativeError(attention.values, try expected.floats("\(grid)/attention"))
            #expect(error <= 1e-4, "\(item.file) \(grid): attention \(error)")
            guard expected["\(grid)/logits"] != nil else { continue }
            var logits = result.logits
            if let head = model.linearHead { logits = head.logits(features(result.tokens, c)) }
            let logitsError = relativeError(logits, try expected.floats("\(grid)/logits"))
            #expect(logitsError <= 1e-4, "\(item.file) \(grid): logits \(logitsError)")
        }
    }

    /// What an import writes is read back as the same model.
    @Test(arguments: cases) func canonicalTensorsLoadAgain(_ item: Case) throws {
        let source = Fixtures.golden("families/\(item.file)").path
        let model = try Model.load(source, told: ModelFacts(family: item.family, heads: 2))
        let directory = try TemporaryDirectory()
        let copy = directory.file("copy.safetensors")
        let loader = try WeightLoader(try Checkpoint.open(source))
        let weights = try loader.weights(for: model.configuration)
        try Safetensors.write(
            try loader.canonicalTensors(for: model.configuration),
            metadata: ["num_heads": "2", "family": item.family.rawValue], to: copy)
        let again = try Model.load(copy)
        // Canonical names are run as the original code runs them.
        var expected = model.configuration
        expected.positionInterpolation = expected.family.preset.positionInterpolation
        expected.layerNormEpsilon = 1e-6
        #expect(again.configuration == expected)
        #expect(again.linearHead == model.linearHead)
        #expect((again.linearHead != nil) == item.name.hasPrefix("hf_dinov2"))
        let copyLoader = try WeightLoader(try Checkpoint.open(copy))
        let copied = try copyLoader.weights(for: again.configuration)
        #expect(copied.specialTokens == weights.specialTokens)
        #expect(copied.patchEmbedding.weight == weights.patchEmbedding.weight)
        for index in 0..<model.configuration.depth {
            let block = try copyLoader.block(index, for: again.configuration)
            #expect(
                block.qkv.weight
                    == (try loader.block(index, for: model.configuration)).qkv.weight)
        }
    }

    private func input(_ file: Checkpoint, _ name: String, _ c: Configuration) throws -> PatchMatrix {
        let shape = try #require(file[name]).shape
        return Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: try file.floats(name), rows: shape[1] / c.patchSize, columns: shape[2] / c.patchSize)
    }

    /// Class token and mean patch token of normed tokens.
    private func features(_ tokens: [Float], _ c: Configuration) -> [Float] {
        let patches = tokens.count / c.width - c.specialTokens
        return Array(tokens[..<c.width])
            + (0..<c.width).map { channel in
                (0..<patches).reduce(Float(0)) {
                    $0 + tokens[(c.specialTokens + $1) * c.width + channel]
                } / Float(patches)
            }
    }

    // MARK: DINO's linear classifiers

    @Test(arguments: ["small", "base"]) func linearClassifier(size: String) throws {
        let folder = Fixtures.golden("families")
        let expected = try Checkpoint.open(folder.appendingPathComponent("linear.expected.safetensors").path)
        let model = try Model.load(
            folder.appendingPathComponent("linear_backbone.safetensors").path, told: ModelFacts(heads: 2))
        let c = model.configuration
        let norm = try #require(
            try WeightLoader(
                try Checkpoint.open(folder.appendingPathComponent("linear_backbone.safetensors").path)
            ).weights(for: c).norm)
        let head = try LinearHead.load(
            folder.appendingPathComponent("linear_\(size).safetensors").path, for: c)
        #expect(head.classes == 5 && head.width == 16)
        #expect(head.blocks == (size == "small" ? 4 : 1) && head.includesMeanPatch == (size == "base"))

        var classTokens: [Float] = []
        var lastTokens: [Float] = []
        _ = try ForwardPass(model: model).run(
            try input(expected, "input", c), ForwardRequest(attentionBlocks: [], wantsTokens: true),
            observing: Set((0..<4).map { .block($0) })
        ) { _, _, state in
            lastTokens = normed(state, norm, c.width)
            classTokens += lastTokens[..<c.width]
        }
        let values = size == "small" ? classTokens : features(lastTokens, c)
        #expect(relativeError(head.logits(values), try expected.floats(size)) <= 1e-4)
    }

    @Test func aClassifierOfAnotherWidthIsRefused() throws {
        let folder = Fixtures.golden("families")
        let model = try Model.load(
            folder.appendingPathComponent("dino_wrapped.safetensors").path, told: ModelFacts(heads: 2))
        let path = folder.appendingPathComponent("linear_small.safetensors").path
        #expect(throws: VitvideoError.self) { try LinearHead.load(path, for: model.configuration) }
        let backbone = folder.appendingPathComponent("dino_wrapped.safetensors").path
        #expect(throws: VitvideoError.self) { try LinearHead.load(backbone, for: model.configuration) }
    }

    /// LayerNorm of every row, in double precision.
    private func normed(_ state: UnsafeBufferPointer<Float>, _ norm: Norm, _ width: Int) -> [Float] {
        stride(from: 0, to: state.count, by: width).flatMap { start -> [Float] in
            let row = state[start..<start + width].map(Double.init)
            let mean = row.reduce(0, +) / Double(width)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            return row.indices.map { i in
                Float((row[i] - mean) / (variance + 1e-6).squareRoot()) * norm.gamma[i] + norm.beta[i]
            }
        }
    }
}
