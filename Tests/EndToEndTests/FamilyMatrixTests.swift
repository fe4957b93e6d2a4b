import Base
import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing
import ViT

/// Every family through the program: libraries and precisions, methods, a resumed job, a bounded memory, the report.
///
/// The models are tiny and random, with heads as wide as bfloat16 wants them, under the names that an import writes.
@Suite struct FamilyMatrixTests {
    struct Family: Sendable, CustomTestStringConvertible {
        let name: String
        let configuration: Configuration
        var testDescription: String { name }

        init(_ family: Configuration.Family, _ change: (inout Configuration) -> Void = { _ in }) {
            name = family.rawValue
            var c = Configuration(
                family: family, patchSize: 4, width: 32, depth: 2, heads: 2, feedForwardWidth: 48,
                nativeRows: 4, nativeColumns: 4, classes: 3)
            change(&c)
            configuration = c
        }

        /// What the file does not tell.
        var options: [String] {
            ["--family", name, "--num-heads", "2"] + (name == "clip" ? ["--activation", "quick_gelu"] : [])
        }
    }

    static let families = [
        Family(.dino), Family(.vit), Family(.mae),
        Family(.deit) {
            $0.prefix.hasDistillationToken = true
            $0.hasDistillationHead = true
        },
        Family(.dinov2) { $0.hasLayerScale = true },
        Family(.dinov2Registers) {
            $0.prefix.registers = 4
            $0.hasLayerScale = true
            $0.activation = .swiglu
        },
        Family(.dinov3) {
            $0.prefix.registers = 4
            $0.hasLayerScale = true
            $0.qkvBias = [.queries, .values]
        },
        Family(.clip), Family(.siglip), Family(.ijepa),
        Family(.beit) {
            $0.hasLayerScale = true
            $0.pooling = .meanPatch
            $0.hasFinalNorm = false
            $0.hasPoolingNorm = true
        },
        Family(.eva),
        Family(.eva02) { $0.normalizesHidden = true },
    ]

    /// A workspace with a clip of 64×48 and the family's model.
    private func workspace(_ family: Family) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "40", "-c:v", "libx264",
            "-preset", "ultrafast", "in.mp4")
        var random = SplitMix64(seed: 17)
        let tensors = CanonicalNames.required(by: family.configuration).map { name, shape in
            let count = shape.reduce(1, *)
            let isGain = name.contains("norm") && name.hasSuffix(".weight") || name.hasSuffix("gamma")
            // Weights of this size give attention that is far from even.
            let spread: Float = shape.count == 2 ? 2.5 / Float(shape[1]).squareRoot() : 0.7
            return (
                name, shape,
                (0..<count).map { _ in isGain ? 1 + 0.3 * random.normal() : spread * random.normal() / 2 }
            )
        }
        try Safetensors.write(tensors, to: workspace.file("w.safetensors"))
        return workspace
    }

    private func run(
        _ workspace: Workspace, _ family: Family, _ arguments: [String],
        at location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try workspace.run(
            arguments + ["--weights", "w.safetensors", "--resolution", "24"] + family.options)
        #expect(
            outcome.status == 0, "\(family) \(arguments): \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    private func array(_ workspace: Workspace, _ file: String, _ name: String) throws -> [Float] {
        try NPZReader(workspace.file(file)).array(name).floats()
    }

    @Test(arguments: families) func librariesAndPrecisionsAgree(_ family: Family) throws {
        let workspace = try workspace(family)
        let clip = ["in.mp4", "--frames", "10:12", "--quiet"]
        var maps: [String: [Float]] = [:]
        let ways = [("openblas", "fp32"), ("own", "fp32"), ("onednn", "fp32"), ("onednn", "bf16")]
        for (backend, precision) in ways {
            let file = "\(backend)-\(precision).npz"
            let outcome = try workspace.run(
                clip + [
                    "--export", file, "--backend", backend, "--precision", precision, "--weights",
                    "w.safetensors",
                    "--resolution", "24",
                ] + family.options)
            // A machine without native bfloat16 says so.
            if precision == "bf16", outcome.errors.contains("natively") { continue }
            #expect(outcome.status == 0, "\(family) \(file): \(outcome.errors)")
            maps[file] = try array(workspace, file, "attention")
        }
        let exact = try #require(maps["openblas-fp32.npz"])
        #expect(exact.count == 2 * 2 * 6 * 8)
        // Something is seen.
        #expect((exact.max() ?? 0) > 1.5 * exact.reduce(0, +) / Float(exact.count))
        #expect(relativeError(try #require(maps["own-fp32.npz"]), exact) < 1e-4)
        #expect(relativeError(try #require(maps["onednn-fp32.npz"]), exact) < 1e-4)
        if let rounded = maps["onednn-bf16.npz"] {
            #expect(relativeError(rounded, exact) < 0.1)
            #expect(rounded != exact)
        }
    }

    @Test(arguments: families) func everyMethodGivesItsArrays(_ family: Family) throws {
        let workspace = try workspace(family)
        for (method, array) in [
            ("layers", "layers"), ("rollout", "rollout"), ("flow", "flow"), ("flow --blocks -1", "flow"),
            ("qk", "q"), ("features", "features"),
            ("neuron --neuron 1:5", "neuron"), ("gradient-rollout --class 1", "gradient_rollout"),
            ("attention --query mean --layer 0", "attention"), ("attention --query 2,3", "attention"),
            ("similarity --query 2,3", "similarity"),
            ("similarity --query 2,3 --feature key --query-frame 30", "similarity"),
            ("tokens --layer 0", "tokens"), ("foreground", "foreground_component"),
            ("features --features-of foreground", "features"), ("relevance --class 1", "relevance"),
        ] + (family.configuration.pooling == .classToken ? [("gradcam --class 1 --layer 0", "gradcam")] : [])
        {
            _ = try run(
                workspace, family,
                [
                    "in.mp4", "--frames", "5:6", "-o", "out.png", "--export", "a.npz", "-y", "--quiet",
                    "--method",
                ]
                    + method.split(separator: " ").map(String.init))
            let values = try self.array(workspace, "a.npz", array)
            // Where a class has no heads for it, Grad-CAM is 0 throughout.
            let isSeen = Set(values).count > 4 || array == "gradcam"
            #expect(values.allSatisfy(\.isFinite) && isSeen, "\(family) \(method)")
        }
    }

    /// Stopped after some segments and gone on with, as if it had run through; within the memory it was given.
    @Test(arguments: families) func resumedWithinItsMemory(_ family: Family) throws {
        let workspace = try workspace(family)
        let options = [
            "in.mp4", "--segment-frames", "8", "--budget-memory", "1G", "--preset", "ultrafast", "--quiet",
        ]
        _ = try run(
            workspace, family, options + ["--resume", "-o", "whole.mp4", "--export", "whole.npz"])
        let program = try workspace.start(
            arguments: options + [
                "--resume", "-o", "parts.mp4", "--export", "parts.npz", "--progress", "json", "--weights",
                "w.safetensors", "--resolution", "24",
            ] + family.options)
        _ = try program.nextErrorLine()
        program.send(SIGINT)
        _ = try program.wait()
        _ = try run(
            workspace, family, options + ["--resume", "-y", "-o", "parts.mp4", "--export", "parts.npz"])
        #expect(try workspace.bytes(of: "whole.npz") == workspace.bytes(of: "parts.npz"))
        #expect(try array(workspace, "whole.npz", "attention").count == 40 * 2 * 6 * 8)

        let refused = try workspace.run(
            ["in.mp4", "-o", "small.mp4", "--budget-memory", "64K", "--weights", "w.safetensors"]
                + ["--resolution", "24"] + family.options)
        #expect(refused.status == 64 && refused.errorLines.count == 1, "\(refused.errors)")
    }

    @Test(arguments: families) func theReportHasItsSections(_ family: Family) throws {
        let workspace = try workspace(family)
        try workspace.ffmpeg("-i", "in.mp4", "-frames:v", "1", "photo.png")
        _ = try run(workspace, family, ["probe", "photo.png", "-o", "report", "--quiet"])
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        for title in [
            "Attention heads", "Attention rollout", "Gradient rollout", "Attention through the layers",
        ] {
            #expect(page.contains(title), "\(family): \(title)")
        }
    }
}
