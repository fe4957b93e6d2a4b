import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// Models out of the exports of make_onnx_exports.py.
@Suite struct ONNXModelTests {
    private static func load(_ path: String) throws -> Model {
        try Model.load(path, told: ModelFacts(heads: 2))
    }

    @Test(arguments: [
        "timm.old", "timm.beside", "equal.old", "equal.new", "dynamic.new", "dynamic.axes", "deit.new",
        "hf_vit.new", "hf_dinov2.old", "hf_dinov2.new", "hf_registers.new", "registers.batch",
    ]) func exports(name: String) throws {
        let original = name.prefix { $0 != "." }
        let model = try Self.load(Fixtures.golden("onnx/\(name).onnx").path)
        let expected = try Self.load(Fixtures.golden("onnx/\(original).safetensors").path)
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
