import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// What make_onnx_exports.py wrote with PyTorch's old and new exporters.
@Suite("ONNX as PyTorch exports it") struct ONNXExportTests {
    /// Files, and what the names of parameters begin with that the model does not use, so that no export has them.
    static let exports: [(model: String, kind: String, unused: [String])] = [
        ("timm", "old", []), ("timm", "beside", []), ("equal", "old", []), ("equal", "new", []),
        ("biasless", "old", []), ("dynamic", "new", []), ("dynamic", "axes", []), ("deit", "new", []),
        ("registers", "batch", []), ("hf_vit", "new", []),
        ("hf_dinov2", "old", ["model.embeddings.mask_token"]),
        ("hf_dinov2", "new", ["model.embeddings.mask_token"]),
        ("hf_registers", "new", ["model.embeddings.mask_token"]),
        ("dinov3", "old", []), ("dinov3", "new", []), ("dinov3", "axes", []), ("dinov3_gated", "old", []),
        ("dinov3_qkvb", "old", []), ("dinov3_qkvb", "new", []),
        ("hf_dinov3", "old", ["model.embeddings.mask_token"]),
        ("hf_dinov3", "new", ["model.embeddings.mask_token"]),
        ("hf_dinov3", "axes", ["model.embeddings.mask_token"]),
        // A method that is not `forward` leaves no name: the projection is `visual_projection` alone.
        ("hf_clip", "old", ["model.text", "model.logit_scale", "model.visual_projection"]),
        ("hf_clip", "new", ["model.text", "model.logit_scale"]),
        ("hf_clip", "axes", ["model.text", "model.logit_scale"]),
        ("hf_clip_vision", "old", []), ("hf_clip_vision", "optimum", []),
        ("open_clip", "old", []), ("open_clip", "new", []), ("open_clip", "axes", []),
        ("open_clip_quickgelu", "optimum", []), ("timm_clip", "new", []),
    ]

    @Test(arguments: exports) func parameters(model: String, kind: String, unused: [String]) throws {
        let export = try Checkpoint.open(Fixtures.golden("onnx/\(model).\(kind).onnx").path)
        let expected = try Checkpoint.open(Fixtures.golden("onnx/\(model).safetensors").path)
        #expect(export.format == .onnx)
        for name in expected.names where !unused.contains(where: { name.hasPrefix($0) }) {
            #expect(export[name] == expected[name], "\(name)")
            if export[name] != nil {
                #expect(try export.floats(name) == expected.floats(name), "\(name)")
            }
        }
        // A mask of zeros is all that is left of some graphs.
        let rest = Set(export.names).subtracting(expected.names).subtracting(["visual_projection.weight"])
        #expect(rest.allSatisfy { export[$0].map { $0.elementCount <= 1 || $0.shape.count == 4 } ?? false })
    }

    @Test func graphWithoutWeights() {
        expectRefusal(Fixtures.golden("onnx/empty.onnx").path, .badData, "without weights")
    }
}
