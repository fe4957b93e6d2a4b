import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// Models out of the exports of make_onnx_exports.py.
@Suite struct ONNXModelTests {
    private static func load(_ path: String, activation: Activation? = nil) throws -> Model {
        try Model.load(path, told: ModelFacts(heads: 2, activation: activation))
    }

    /// Of CLIP, whose parameters do not tell; an export's graph does.
    private static let activations: [String: Activation] = [
        "hf_clip": .quickGELU, "hf_clip_vision": .gelu, "open_clip": .gelu, "open_clip_quickgelu": .quickGELU,
        "timm_clip": .quickGELU,
    ]

    @Test(arguments: [
        "timm.old", "timm.beside", "equal.old", "equal.new", "dynamic.new", "dynamic.axes", "deit.new",
        "hf_vit.new", "hf_dinov2.old", "hf_dinov2.new", "hf_registers.new", "registers.batch",
        "dinov3.old", "dinov3.new", "dinov3.axes", "dinov3_gated.old", "dinov3_qkvb.old", "dinov3_qkvb.new",
        "hf_dinov3.old", "hf_dinov3.new", "hf_dinov3.axes", "hf_clip.old", "hf_clip.new", "hf_clip.axes",
        "hf_clip_vision.old", "hf_clip_vision.optimum", "open_clip.old", "open_clip.new", "open_clip.axes",
        "open_clip_quickgelu.optimum", "timm_clip.new",
    ]) func exports(name: String) throws {
        let original = String(name.prefix { $0 != "." })
        let model = try Self.load(Fixtures.golden("onnx/\(name).onnx").path)
        let expected = try Self.load(
            Fixtures.golden("onnx/\(original).safetensors").path, activation: Self.activations[original])
        #expect(model.configuration == expected.configuration)
        let isComputed = model.account.notices.contains { $0.text.contains("computed its position table") }
        #expect(isComputed == (name == "dynamic.new"))
        let c = model.configuration
        let planes = (0..<3 * 4 * c.patchSize * c.patchSize).map { Float($0 % 7) / 7 }
        let patches = Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: planes, rows: 2, columns: 2)
        let request = ForwardRequest(attentionBlocks: [c.depth - 1])
        let attention = try [model, expected].map {
            try ForwardPass(model: $0).run(patches, request).attention[c.depth - 1]?.values
        }
        #expect(attention[0] != nil && attention[0] == attention[1])
    }

    @Test("weights whose names are lost are refused with the call that keeps them") func lostNames() throws {
        let directory = try TemporaryDirectory()
        var bytes = try Data(contentsOf: Fixtures.golden("onnx/equal.new.onnx"))
        let key = Data("pkg.torch.onnx.name_scopes".utf8)
        while let range = bytes.range(of: key) { bytes[range.lowerBound] = UInt8(ascii: "x") }
        let path = try directory.write([UInt8](bytes), to: "x.onnx")
        #expect {
            try Self.load(path)
        } throws: {
            "\($0)".contains("dynamo=True, optimize=False") && "\($0)".contains("missing")
        }
    }
}
