import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@testable import ViT

/// DINOv3 in every dialect, against what timm and transformers compute (`golden_scripts/dinov3.py`).
@Suite struct DINOv3Tests {
    typealias Tensor = (name: String, shape: [Int], values: [Float])

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// One of two models in one of three dialects.
    struct Case: Sendable, CustomTestStringConvertible {
        /// With a plain feed-forward part and biases of queries and values, or gated and without.
        let model: String
        let suffix: String
        /// Whether the periods are those of DINOv3's own files, rounded to bfloat16.
        var isRounded = false
        /// Where nothing in the file or beside it tells the heads.
        var heads: Int?
        let qkvBias: QKVBias
        /// What is told beside the file, or follows from a side of 256 pixels.
        let grid: Int

        var file: String { model + suffix }
        var path: String { DINOv3Tests.path(file) }
        var testDescription: String { file }
        var periods: String { isRounded ? "rounded" : "computed" }
    }

    static let cases = [
        Case(model: "mlp", suffix: ".pth", isRounded: true, qkvBias: .all, grid: 64),
        Case(model: "mlp", suffix: "_timm.safetensors", heads: 2, qkvBias: [.queries, .values], grid: 64),
        Case(model: "mlp", suffix: "_transformers", qkvBias: [.queries, .values], grid: 4),
        Case(model: "gated", suffix: ".pth", isRounded: true, qkvBias: [], grid: 64),
        Case(model: "gated", suffix: "_timm.safetensors", heads: 2, qkvBias: [], grid: 64),
        Case(model: "gated", suffix: "_transformers", qkvBias: [], grid: 4),
    ]

    static let grids = ["native", "wide", "tall"]

    private static func path(_ file: String) -> String { Fixtures.golden("dinov3/\(file)").path }

    private func load(_ item: Case) throws -> Model {
        try Model.load(item.path, told: ModelFacts(heads: item.heads))
    }

    /// A case's picture, cut into patches.
    private func input(_ expected: Checkpoint, _ grid: String, _ c: Configuration) throws -> PatchMatrix {
        let shape = try #require(expected["\(grid)/input"]).shape
        return Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: try expected.floats("\(grid)/input"), rows: shape[1] / c.patchSize,
            columns: shape[2] / c.patchSize)
    }

    private func expected(_ model: String) throws -> Checkpoint {
        try Checkpoint.open(Self.path("\(model).expected.safetensors"))
    }

    // MARK: The originals' numbers

    @Test(arguments: cases) func isReadOffTheFile(_ item: Case) throws {
        let model = try load(item)
        let c = model.configuration
        #expect(c.family == .dinov3 && c.position == .none && c.rotary == .dinov3)
        #expect(c.width == 24 && c.heads == 2 && c.depth == 2 && c.patchSize == 4 && c.registers == 4)
        #expect(c.layerNormEpsilon == 1e-5 && c.qkvBias == item.qkvBias && c.hasLayerScale)
        #expect(c.activation == (item.model == "gated" ? .swiglu : .gelu))
        #expect(c.feedForwardWidth == (item.model == "gated" ? 32 : 48))
        #expect(c.nativeRows == item.grid && c.nativeColumns == item.grid)
        #expect(c.normalization == .imageNet)
        #expect(model.account.assumed == [] && model.account.notices == [])
        #expect(model.patchPositions(rows: 3, columns: 3).isEmpty)
        #expect(c.text(of: .positionRule) == "none")
    }

    @Test(arguments: cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyStage(_ item: Case, library: Engine.Library) throws {
        let expected = try expected(item.model)
        let model = try load(item)
        let c = model.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: model, library: library, precision: .float32), threads: 2)
        for grid in Self.grids {
            let stages =
                [.norm] + (0..<c.depth).flatMap { [ForwardStage.attention(block: $0), .block($0)] }
            var seen = 0
            let result = try pass.run(
                try input(expected, grid, c),
                ForwardRequest(attentionBlocks: Set(0..<c.depth), wantsTokens: true),
                observing: Set(stages)
            ) { stage, head, values in
                seen += 1
                var original = try expected.floats("\(grid)/\(item.periods)/\(stage.goldenName)")
                if let head {
                    original = Array(original[head * values.count..<(head + 1) * values.count])
                }
                let error = relativeError(values, original)
                #expect(error <= 1e-4, "\(item.file) \(grid) \(stage): \(error)")
            }
            #expect(seen == 1 + c.depth + c.depth * c.heads)
            for block in 0..<c.depth {
                let original = try classRow(
                    expected.floats("\(grid)/\(item.periods)/attention.\(block)"), c)
                let attention = try #require(result.attention[block])
                #expect(relativeError(attention.values, original) <= 1e-4)
            }
        }
    }

    /// What the class token attends to among the patches, by head, of whole attention.
    private func classRow(_ attention: [Float], _ c: Configuration) -> [Float] {
        let tokens = Int((Double(attention.count) / Double(c.heads)).squareRoot().rounded())
        return (0..<c.heads).flatMap { head in
            let row = head * tokens * tokens
            return attention[row + c.specialTokens..<row + tokens]
        }
    }

    /// The rotation of (1, 0) in every pair of channels is (cos, sin).
    @Test(arguments: ["square", "wide", "row"], ["timm", "transformers"])
    func rotationAsTheOriginals(grid: String, library: String) throws {
        let golden = try Checkpoint.open(Self.path("rope.safetensors"))
        let grids = try JSONDecoder().decode(
            [String: [Int]].self, from: Data(try #require(golden.metadata["grids"]).utf8))
        let size = try #require(grids[grid])
        let (rows, columns) = (size[0], size[1])
        let c = Configuration(
            family: .dinov3, patchSize: 16, width: 64, depth: 1, heads: 1, registers: 4, nativeRows: 16,
            nativeColumns: 16)
        let rotation = Rotation(
            .dinov3, configuration: c, periods: Rotation.periods(base: 100, headWidth: 64), rows: rows,
            columns: columns)
        let tokens = 5 + rows * columns
        var x = (0..<tokens * 64).map { Float($0 % 64 < 32 ? 1 : 0) }
        let before = x
        rotation.apply(to: &x, stride: 64, tokens: 0..<tokens, parts: 1)
        #expect(x.prefix(5 * 64) == before.prefix(5 * 64))
        let cosines = try golden.floats("\(grid)/\(library)/cos")
        let sines = try golden.floats("\(grid)/\(library)/sin")
        #expect(cosines.count == rows * columns * 64)
        for patch in 0..<rows * columns {
            for i in 0..<64 {
                let expected = i < 32 ? cosines[patch * 64 + i] : sines[patch * 64 + i]
                #expect(abs(x[(5 + patch) * 64 + i] - expected) <= 2e-6, "\(patch), \(i)")
            }
        }
    }

    // MARK: Dialects

    private func tensors(_ file: String) throws -> [Tensor] {
        let source = try Checkpoint.open(Self.path(file))
        return try source.names.map { ($0, try #require(source[$0]).shape, try source.floats($0)) }
    }

    private func write(_ tensors: [Tensor], metadata: [String: String] = [:]) throws -> String {
        let path = directory.file("w.safetensors")
        try Safetensors.write(tensors, metadata: metadata, to: path)
        return path
    }

    private func attention(_ model: Model, of name: String = "mlp") throws -> [Float] {
        let result = try ForwardPass(model: model).run(
            try input(try expected(name), "wide", model.configuration),
            ForwardRequest(attentionBlocks: [0, 1]))
        return try [0, 1].flatMap { try #require(result.attention[$0]).values }
    }

    /// The same weights under the names of all three give the same numbers, where the periods are the same.
    @Test(arguments: ["mlp", "gated"]) func dialectsAgree(model: String) throws {
        let own = try tensors("\(model).pth").filter { $0.name != "rope_embed.periods" }
        let expected = try attention(Model.load(try write(own), told: ModelFacts(heads: 2)), of: model)
        for item in Self.cases where item.model == model && !item.isRounded {
            #expect(try attention(load(item), of: model) == expected, "\(item.file)")
        }
        // Rounded periods make a difference, but a small one.
        let rounded = try attention(Model.load(Self.path("\(model).pth")), of: model)
        let difference = relativeError(rounded, expected)
        #expect(difference > 1e-4 && difference < 0.2, "\(difference)")
    }

    @Test(arguments: cases) func anImportIsTheSameModel(_ item: Case) throws {
        let model = try load(item)
        let loader = try WeightLoader(try Checkpoint.open(item.path))
        let path = directory.file("copy.safetensors")
        try Safetensors.write(
            try loader.canonicalTensors(for: model.configuration),
            metadata: ["num_heads": "2", "family": "dinov3", "mean": "0.1,0.2,0.3", "std": "0.5"], to: path)
        let again = try Model.load(path)
        #expect(
            again.configuration.qkvBias == item.qkvBias && again.configuration.rotary == .dinov3)
        #expect(
            again.configuration.normalization
                == Normalization(mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.5, 0.5]))
        #expect(try attention(again, of: item.model) == attention(model, of: item.model))
    }

    // MARK: The mask of the bias

    private static let masks: [(String, Float?)] = [("NaN", .nan), ("infinite", .infinity), ("missing", nil)]

    /// A model that was made but not initialized has a mask of NaN. Keys have no bias whatever it says.
    @Test(arguments: masks) func aMaskThatSaysNothing(name: String, value: Float?) throws {
        let changed = try tensors("mlp.pth").compactMap { tensor -> Tensor? in
            guard tensor.name.hasSuffix("bias_mask") else { return tensor }
            return value.map { value in (tensor.name, tensor.shape, tensor.values.map { _ in value }) }
        }
        let expected = try attention(Model.load(Self.path("mlp.pth")))
        #expect(try attention(Model.load(try write(changed))) == expected)
    }

    /// As in the published files, where the biases are 0 as well.
    @Test func aMaskOfZeroLeavesNoBias() throws {
        let zero = try tensors("mlp.pth").map { tensor -> Tensor in
            tensor.name.hasSuffix("bias_mask")
                ? (tensor.name, tensor.shape, tensor.values.map { _ in 0 }) : tensor
        }
        let without = try tensors("mlp.pth").filter { !$0.name.contains("qkv.bias") }
        let expected = try attention(Model.load(try write(without)))
        let model = try Model.load(try write(zero))
        #expect(model.configuration.qkvBias == .all)
        #expect(try attention(model) == expected)
        #expect(try attention(Model.load(Self.path("mlp.pth"))) != expected)
    }

    @Test func aMaskHasABiasOfItsShape() throws {
        let long = try tensors("mlp.pth").map { tensor -> Tensor in
            tensor.name == "blocks.1.attn.qkv.bias_mask"
                ? (tensor.name, [24], Array(tensor.values.prefix(24))) : tensor
        }
        var error = #expect(throws: VitvideoError.self) { try Model.load(try write(long)) }
        #expect(error?.reason.contains("blocks.1.attn.qkv.bias_mask is [24], not [72]") == true)
        let bare = try tensors("mlp.pth").filter { !$0.name.hasSuffix("qkv.bias") }
        error = #expect(throws: VitvideoError.self) { try Model.load(try write(bare)) }
        #expect(error?.reason.contains("blocks.0.attn.qkv.bias_mask without a bias") == true)
    }

    // MARK: What is told, and what does not fit

    @Test func headsFollowFromPeriodsOptionsAndWidth() throws {
        #expect(try Model.load(Self.path("mlp.pth")).account.beliefs[.heads] == .tensors)
        for (heads, reason) in [
            (5, "does not divide into 5 heads"), (12, "into 12 heads of a multiple of 4"),
            (1, "rope_embed.periods is [3], not [6]"),
        ] {
            let error = #expect(throws: VitvideoError.self) {
                try Model.load(Self.path("mlp.pth"), told: ModelFacts(heads: heads))
            }
            #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
        }
        for (width, heads) in [(192, 3), (384, 6), (768, 12), (1024, 16), (1280, 20), (4096, 32)] {
            #expect(ConfigurationSettlement.usualHeads(width: width, family: .dinov3) == heads)
        }
        #expect(ConfigurationSettlement.usualHeads(width: 1280, family: .dinov2) == 16)
        #expect(ConfigurationSettlement.usualHeads(width: 1536, family: .dinov2) == 24)
    }

    @Test func periodsAreAboveZero() throws {
        let changed = try tensors("mlp.pth").map { tensor -> Tensor in
            tensor.name == "rope_embed.periods" ? (tensor.name, tensor.shape, [1, 0, 3]) : tensor
        }
        let error = #expect(throws: VitvideoError.self) { try Model.load(try write(changed)) }
        #expect(error?.reason.contains("rope_embed.periods holds 0.0") == true)
    }

    @Test func aBaseBesideTheFileCounts() throws {
        for text in [#"{"rope_theta": 50}"#, #"{"rope_parameters": {"rope_theta": 50}}"#] {
            try text.write(toFile: directory.file("config.json"), atomically: true, encoding: .utf8)
            let path = try write(try tensors("mlp_timm.safetensors"))
            let model = try Model.load(path, told: ModelFacts(heads: 2))
            #expect(model.configuration.rotary?.base == 50)
        }
    }

    @Test func aPositionRuleIsToldToChangeNothing() throws {
        let model = try Model.load(
            Self.path("mlp.pth"), told: ModelFacts(positionInterpolation: .antialiased))
        #expect(model.account.notices.map(\.text).contains { $0.contains("no position table") })
        #expect(try attention(model) == attention(Model.load(Self.path("mlp.pth"))))
    }

    /// A DINOv2 whose position table is lost is no DINOv3, and neither has the other's tensors.
    @Test func aLostTableIsMissed() throws {
        let source = try Checkpoint.open(Fixtures.golden("families/dinov2_registers.safetensors").path)
        let bare = try source.names.filter { $0 != "pos_embed" }.map {
            ($0, try #require(source[$0]).shape, try source.floats($0)) as Tensor
        }
        var error = #expect(throws: VitvideoError.self) {
            try Model.load(try write(bare), told: ModelFacts(heads: 2))
        }
        #expect(error?.reason.contains("no position table") == true)
        let both =
            try tensors("mlp.pth") + [("pos_embed", [1, 17, 24], [Float](repeating: 0, count: 17 * 24))]
        error = #expect(throws: VitvideoError.self) { try Model.load(try write(both)) }
        #expect(error?.reason.contains("unexpected rope_embed.periods") == true, "\(error?.reason ?? "")")
    }

    /// timm's classifier reads the mean patch token where nothing else is told; Hugging Face's the class token.
    @Test func classifiers() throws {
        let head: [Tensor] = [
            ("head.weight", [3, 24], (0..<72).map { Float($0 % 5) }), ("head.bias", [3], [0, 1, 2]),
        ]
        let path = try write(try tensors("mlp_timm.safetensors") + head)
        #expect(try Model.load(path, told: ModelFacts(heads: 2)).configuration.pooling == .meanPatch)
        for (text, pooling) in [("token", Pooling.classToken), ("avg", .meanPatch)] {
            try #"{"architecture": "vit_small_patch16_dinov3", "global_pool": "\#(text)"}"#.write(
                toFile: directory.file("config.json"), atomically: true, encoding: .utf8)
            let c = try Model.load(path, told: ModelFacts(heads: 2)).configuration
            #expect(c.pooling == pooling && c.classes == 3)
        }
    }
}
