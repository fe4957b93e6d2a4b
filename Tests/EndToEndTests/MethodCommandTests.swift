import Fixtures
import Foundation
import NumPy
import Pixels
import Testing
import VideoIO

/// Every `--method` on the command line: pictures, exports and statistics, on clips and stills.
@Suite struct MethodCommandTests {
    /// A small model with a classifier of 11 classes, 3 heads, 3 blocks and patches of 4 pixels.
    static let tiny = [
        "--weights", Golden.path("supervised", "weights"), "--num-heads", "3", "--family", "vit",
    ]

    /// What a method exports beside `frame`, `time` and `meta`, on 8 × 14 patches.
    struct Method: CustomTestStringConvertible, Sendable {
        let arguments: String
        let arrays: [String: [Int]]
        /// Size of the default view of a 1280 × 720 clip.
        let size: String
        /// Columns of the table between `entropy` and `top10_mass`.
        let parts: [String]

        var testDescription: String { arguments }
    }

    static let methods = [
        Method(
            arguments: "rollout --head-fusion min --discard-ratio 0.5", arrays: ["rollout": [3, 8, 14]],
            size: "1920x578", parts: []),
        Method(
            arguments: "flow --blocks -2:", arrays: ["flow": [3, 8, 14]], size: "1920x578", parts: []),
        Method(
            arguments: "layers --head 2", arrays: ["layers": [3, 12, 8, 14]], size: "1916x722",
            parts: (0..<12).map { "entropy_layer_\($0)" }),
        Method(
            arguments: "qk --layer 5 --head 2 --channel 7", arrays: ["q": [3, 8, 14], "k": [3, 8, 14]],
            size: "1920x396", parts: ["entropy_query", "entropy_key"]),
        Method(
            arguments: "features", arrays: ["features": [3, 8, 14, 3]], size: "1920x578",
            parts: (1...3).map { "entropy_component_\($0)" }),
    ]

    @Test(arguments: methods) func videoExportAndTable(_ method: Method) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--stats", "out.csv", "--plot",
                "out.svg", "--frames", "70:100:10", "--resolution", "112", "--quiet", "--method",
            ] + method.arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let probe = MediaProbe(workspace.file("out.mp4"))
        #expect(try probe.frameTimes().count == 3)
        #expect(try probe.size() == method.size)

        let archive = try NPZReader(workspace.file("out.npz"))
        #expect(Set(archive.names) == Set(["frame", "time", "meta"] + method.arrays.keys))
        for (name, shape) in method.arrays {
            let array = try archive.array(name)
            #expect(array.shape == shape)
            let values = try array.floats()
            #expect(values.allSatisfy { $0.isFinite && $0 >= 0 && $0 <= 1 } && Set(values).count > 20)
        }
        #expect(try archive.array("frame").int64s() == [70, 80, 90])

        let table = String(decoding: try workspace.bytes(of: "out.csv"), as: UTF8.self)
        let lines = table.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        #expect(lines.count == 4)
        #expect(
            lines.first == ["frame", "time", "model", "entropy"] + method.parts
                + ["top10_mass", "correlation_previous"])
        let plot = String(decoding: try workspace.bytes(of: "out.svg"), as: UTF8.self)
        #expect(plot.contains("<svg"))
    }

    /// Each frame's map is for a class; the table has its name.
    @Test func gradientRolloutOfAClip() throws {
        let workspace = try Workspace()
        let names = (0..<11).map { "kind_\($0), sort \($0)" }.joined(separator: "\n")
        try workspace.write(names.utf8, to: "names.txt")
        for (name, target) in [("top", "top"), ("named", "Sort 4"), ("numbered", "4")] {
            try workspace.succeed(
                [
                    Workspace.bikes, "-o", "\(name).mp4", "--export", "\(name).npz", "--method",
                    "gradient-rollout", "--class", target, "--labels", "names.txt", "--frames", ":40:8",
                    "--resolution", "32", "--view", "overlay",
                ] + Self.tiny)
        }
        let top = try NPZReader(workspace.file("top.npz"))
        #expect(Set(top.names) == ["gradient_rollout", "class", "logits", "frame", "time", "meta"])
        #expect(try top.array("gradient_rollout").shape == [5, 8, 18])
        let logits = try top.array("logits").floats()
        for (frame, target) in try top.array("class").int64s().enumerated() {
            let own = Array(logits[frame * 11..<(frame + 1) * 11])
            #expect(Int(target) == own.indices.max { own[$0] < own[$1] })
        }
        let named = try NPZReader(workspace.file("named.npz"))
        #expect(try named.array("class").int64s() == [4, 4, 4, 4, 4])
        #expect(try named.array("meta").strings().first?.contains("\"class_name\":\"kind 4\"") == true)
        let numbered = try NPZReader(workspace.file("numbered.npz"))
        #expect(
            bits(try named.array("gradient_rollout").floats())
                == bits(try numbered.array("gradient_rollout").floats()))
        #expect(try MediaProbe(workspace.file("top.mp4")).size() == "640x272")
    }

    /// The patch under a pixel is the patch by its row and column, on a frame that is not square.
    @Test func queriesByPixelAndByPatch() throws {
        let workspace = try Workspace()
        let frame = Workspace.frame("full")
        for (name, query) in [("pixel", "1000px,300px"), ("patch", "3,11"), ("class", "cls")] {
            try workspace.succeed(
                [
                    frame, "--export", "\(name).npz", "-o", "\(name).png", "--query", query, "--resolution",
                    "112",
                ])
        }
        let (pixel, patch) = (
            try NPZReader(workspace.file("pixel.npz")), try NPZReader(workspace.file("patch.npz"))
        )
        let values = try pixel.array("attention").floats()
        #expect(bits(values) == bits(try patch.array("attention").floats()))
        let own = try NPZReader(workspace.file("class.npz")).array("attention").floats()
        #expect(bits(values) != bits(own))
        #expect(try workspace.bytes(of: "pixel.png") == workspace.bytes(of: "patch.png"))
        #expect(try patch.array("meta").strings().first?.contains("\"query\":\"3,11\"") == true)
    }

    /// A pipe cannot be read twice: colors are found on its first frames, and no frame is lost.
    @Test func featuresOfAPipe() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-c", "copy", "clip.mkv")
        let outcome = try workspace.shell(
            "cat clip.mkv | \"$0\" - --export pipe.npz --method features --frames :12 --resolution 56")
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let pipe = try NPZReader(workspace.file("pipe.npz"))
        #expect(try pipe.array("frame").int64s() == Array(0..<12))
        #expect(try pipe.array("features").shape == [12, 4, 9, 3])
        #expect(try pipe.array("meta").strings().first?.contains("\"fitted_frames\":8") == true)
        // The first eight frames of the file are what the pipe was fitted to.
        try workspace.succeed(
            "clip.mkv", "--export", "file.npz", "--method", "features", "--frames", ":8", "--resolution", "56"
        )
        let file = try NPZReader(workspace.file("file.npz"))
        let values = try pipe.array("features").floats()
        #expect(bits(values.prefix(8 * 4 * 9 * 3)) == bits(try file.array("features").floats()))
    }

    /// Two models in step by a method that gives several maps each.
    @Test func aComparison() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            [
                Workspace.bikes, "-o", "out.mp4", "--export", "out.npz", "--method", "layers", "--frames",
                ":2", "--resolution", "32", "--compare", "plain", "--define",
                "plain=" + Golden.path("plain", "weights"), "--set",
                "plain:num-heads=3", "--quiet",
            ] + Self.tiny)
        let names = try NPZReader(workspace.file("out.npz")).names
        #expect(names.contains("layers.supervised.weights") && names.contains("layers.plain"))
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 2)
    }

    /// Still pictures, in the views that a method has.
    @Test(arguments: [
        ("rollout", "overlay"), ("rollout", "mask"), ("features", "side-by-side"), ("features", "overlay"),
        ("layers", "grid"), ("qk", "grid"), ("gradient-rollout", "heatmap"),
    ])
    func stills(method: String, view: String) throws {
        let workspace = try Workspace()
        try workspace.succeed(
            [
                Workspace.frame("wide"), "-o", "out.png", "--method", method, "--view", view, "--resolution",
                "48",
            ] + Self.tiny)
        let picture = try StillImage.read(workspace.file("out.png"))
        let source = try StillImage.read(Workspace.frame("wide"))
        if view != "grid" {
            #expect(picture.height == source.height)
            #expect(picture.width == source.width * (view == "side-by-side" ? 2 : 1))
        }
        #expect(picture != source)
    }
}
