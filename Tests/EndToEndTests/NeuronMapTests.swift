import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing

/// `--method neuron` on the command line.
@Suite struct NeuronMapTests {
    /// The published DINOv2 ViT-S/14 on a real frame, against what PyTorch's hooks see.
    @Test func mapsAreThoseOfPyTorchsHooks() throws {
        let workspace = try Workspace()
        let addresses = [0, 5, 11].flatMap { block in [0, 120, 777, 1535].map { "\(block):\($0)" } }
        try workspace.succeed(
            Workspace.frame("wide"), "--export", "out.npz", "--resolution", "native", "--method", "neuron",
            "--neuron", addresses.joined(separator: ","))
        let golden = try Checkpoint.open(Fixtures.golden("real/dinov2_vits14_neurons.safetensors").path)
        let expected = try [0, 5, 11].flatMap { try golden.floats("\($0)/maps") }
        let archive = try NPZReader(workspace.file("out.npz"))
        let array = try archive.array("neuron")
        #expect(array.shape[0] == 1 && array.shape[1] == 12)
        #expect(Set(expected).count > 1_000, "the maps are not flat")
        #expect(relativeError(try array.floats(), expected) <= 1e-4)
        let meta = try #require(try archive.array("meta").strings().first)
        #expect(meta.contains("\"neurons\":[\"0:0\",\"0:120\""), "\(meta)")
    }

    /// On two cores, with either library, in both formats, resumed or not: the same neurons.
    @Test func everyWayOfComputingGivesThem() throws {
        let workspace = try Workspace()
        let arguments =
            [Workspace.bikes, "--frames", ":6:2", "--method", "neuron", "--neuron", "1:*:5"]
            + Trial.model + ["--resolution", "56"]
        var values: [[Float]] = []
        for ways in [
            ["--precision", "fp32"], ["--backend", "onednn", "--precision", "fp32"],
            ["--backend", "openblas", "--workers", "1", "--threads", "2"],
            ["--precision", "bf16"], ["--resume", "--segment-frames", "2"],
        ] {
            let outcome = try workspace.run(arguments + ["--export", "out.npz", "-y", "--quiet"] + ways)
            // Not every CPU multiplies bfloat16.
            if ways.contains("bf16"), outcome.status == 69 { continue }
            #expect(outcome.status == 0, "\(ways): \(outcome.errors)")
            values.append(try NPZReader(workspace.file("out.npz")).array("neuron").floats())
        }
        #expect(Set(values[0]).count > 20)
        for (place, other) in values.enumerated() {
            #expect(relativeError(other, values[0]) <= 0.05, "way \(place)")
        }
        #expect(relativeError(values[1], values[0]) <= 1e-4 && relativeError(values[2], values[0]) <= 1e-4)
        #expect(values.last == values[0])
    }

    /// One pair of limits for all frames, unless another scale is asked for: of all frames together, and of each by
    /// itself, the darkest place is black and the brightest white.
    @Test func oneScaleHoldsForTheClip() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=112x112:rate=5:duration=2", "-vf",
            "fade=t=out:st=0:d=1.8:color=gray", "-c:v", "ffv1", "in.mkv")
        func limits(_ scale: [String]) throws -> [ClosedRange<Double>] {
            let outcome = try workspace.run(
                [
                    "in.mkv", "-o", "f%d.png", "-y", "--method", "neuron", "--neuron", "0:3", "--view",
                    "heatmap", "--colormap", "gray", "--interpolation", "nearest", "--resolution", "112",
                ] + Trial.model + scale)
            #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
            return try (1...10).map { number in
                let outcome = try Program.run(
                    "convert", ["f\(number).png", "-format", "%[fx:minima] %[fx:maxima]", "info:"],
                    directory: workspace.path)
                let values = outcome.output.split(separator: " ").compactMap { Double($0) }
                try #require(values.count == 2, "\(outcome.output)")
                return values[0]...values[1]
            }
        }
        let (clip, frame) = (try limits([]), try limits(["--scale", "frame"]))
        #expect(frame.allSatisfy { $0 == 0...1 }, "\(frame)")
        #expect(clip.map(\.lowerBound).min() == 0 && clip.map(\.upperBound).max() == 1, "\(clip)")
        #expect(clip.contains { $0.upperBound - $0.lowerBound < 0.8 }, "\(clip)")
        #expect(try limits(["--scale", "clip"]) == clip)
    }

    @Test(arguments: [
        ([], "name one with --neuron"), (["--neuron", "5"], "names no neuron"),
        (["--neuron", "9:0"], "9"), (["--neuron", "0:999999"], "there is no neuron 999999"),
        (["--neuron", "0:x"], "names no neuron"),
    ]) func whatIsNoNeuronIsRefused(options: [String], reason: String) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.frame("full"), "-o", "out.png", "--method", "neuron"] + options + Trial.model)
        #expect(outcome.status == 64 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(try workspace.contents == [])
    }
}
