import Fixtures
import Foundation
import Methods
import NumPy
import Pixels
import Testing
import VideoIO

/// Pictures that are no clip: a folder or a list of them, of any sizes.
@Suite struct PictureListTests {
    private static let options = ["--resolution", "native"] + MethodCommandTests.tiny

    /// A folder of pictures, `in/`: two sizes, one name in two folders, one cut short, one that is no picture, one of no
    /// whole patch; and `out/`.
    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        for folder in ["in", "in/a", "in/b", "out"] { try workspace.makeDirectory(folder) }
        for (name, size, source) in [
            ("in/tree.png", "96x80", "testsrc2"), ("in/a/dog.jpg", "120x64", "testsrc"),
            ("in/b/dog.jpg", "64x64", "testsrc2"), ("in/b/small.png", "3x200", "testsrc"),
        ] {
            try workspace.ffmpeg("-f", "lavfi", "-i", "\(source)=size=\(size)", "-frames:v", "1", name)
        }
        try workspace.write(workspace.bytes(of: "in/a/dog.jpg").dropLast(600), to: "in/cut.jpg")
        try workspace.write("no picture".utf8, to: "in/text.png")
        return workspace
    }

    private func run(_ workspace: Workspace, _ arguments: [String]) throws -> Program.Outcome {
        try workspace.run(arguments + Self.options)
    }

    /// The names of the three that can be used, and what they are called.
    private static let used = [("in/a/dog.jpg", "a-dog"), ("in/b/dog.jpg", "b-dog"), ("in/tree.png", "tree")]

    /// Each picture's outputs are those that it has alone.
    @Test func eachPictureIsAsAlone() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace,
            [
                "in", "-o", "out/%s.png", "--masks", "out/%s-mask.png", "--export", "maps.npz", "--coco",
                "out.json", "--stats", "out.csv", "--view", "overlay",
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")).sorted()
                == Self.used.flatMap { ["\($0.1)-mask.png", "\($0.1).png"] }.sorted())
        let maps = try NPZReader(workspace.file("maps.npz"))
        var rows: [String] = []
        for (number, (path, name)) in Self.used.enumerated() {
            let alone = try run(
                workspace,
                [
                    path, "-o", "alone.png", "--masks", "mask.png", "--export", "alone.npz", "--stats",
                    "alone.csv", "--view", "overlay", "-y",
                ])
            #expect(alone.status == 0, "\(alone.errors)")
            #expect(try workspace.bytes(of: "out/\(name).png") == workspace.bytes(of: "alone.png"))
            #expect(try workspace.bytes(of: "out/\(name)-mask.png") == workspace.bytes(of: "mask.png"))
            let key = name + (name == "tree" ? ".png" : ".jpg")
            let single = try NPZReader(workspace.file("alone.npz"))
            #expect(
                Set(maps.names.filter { $0.hasPrefix(key + "/") }) == Set(single.names.map { "\(key)/\($0)" })
            )
            for array in ["attention", "logits", "time", "meta"] {
                let (one, other) = (try maps.array("\(key)/\(array)"), try single.array(array))
                #expect(one.shape == other.shape && one.bytes == other.bytes, "\(key) \(array)")
            }
            #expect(try maps.array("\(key)/frame").int64s() == [Int64([0, 1, 5][number])])
            rows.append(key + "," + (try Self.row(of: workspace.bytes(of: "alone.csv"))))
        }
        #expect(maps.names.count == 3 * 5)

        let table = String(decoding: try workspace.bytes(of: "out.csv"), as: UTF8.self)
        #expect(table.hasPrefix("file,model,entropy,entropy_head_0,"))
        #expect(!table.contains("correlation_previous"))
        #expect(table.split(separator: "\n").dropFirst().map(String.init) == rows)
        let coco = String(decoding: try workspace.bytes(of: "out.json"), as: UTF8.self)
        for (name, height, width) in [("a-dog.jpg", 64, 120), ("b-dog.jpg", 64, 64), ("tree.png", 80, 96)] {
            #expect(coco.contains("\"file_name\":\"\(name)\""))
            #expect(coco.contains("\"height\":\(height)") && coco.contains("\"width\":\(width)"))
        }

        // What is left out is named and counted.
        for part in [
            "left out: cannot use in/cut.jpg: ", "left out: cannot read in/text.png: ",
            "left out: cannot use in/b/small.png: ", "3 of 6 pictures used, 3 left out",
        ] { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    }

    /// A row of a clip's table as a row of pictures has it.
    private static func row(of table: Data) throws -> String {
        let lines = String(decoding: table, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        return zip(lines[0], lines[1]).filter { !["frame", "time", "correlation_previous"].contains($0.0) }
            .map(\.1).joined(separator: ",")
    }

    /// Every method looks at pictures of several sizes in one run as at each by itself, where it fits nothing to them.
    @Test(
        arguments: MethodRegistry.standard.methods.map(\.name).filter {
            !["features", "foreground"].contains($0)
        })
    func everyMethodTakesAnySizes(method: String) throws {
        let workspace = try Self.workspace()
        let more = [
            "similarity": ["--query", "1,2"], "neuron": ["--neuron", "1:5"], "flow": ["--blocks", "-2:"],
        ]
        let options = ["--method", method] + (more[method] ?? []) + ["--workers", "1"]
        let paths = ["in/tree.png", "in/b/dog.jpg", "in/a/dog.jpg", "in/tree.png"]
        let outcome = try run(workspace, paths + ["--export", "maps.safetensors"] + options)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let maps = try ArchiveReader(workspace.file("maps.safetensors"))
        for (path, key) in [
            ("in/tree.png", "in-tree.png"), ("in/a/dog.jpg", "a-dog.jpg"), ("in/tree.png", "in-tree-2.png"),
        ] {
            let alone = try run(workspace, [path, "--export", "alone.safetensors", "-y"] + options)
            #expect(alone.status == 0, "\(alone.errors)")
            let single = try ArchiveReader(workspace.file("alone.safetensors"))
            #expect(single.arrays.count >= 3)
            for (name, array) in single.arrays where name != "frame" {
                #expect(maps.arrays["\(key)/\(name)"] == array, "\(key) \(name)")
            }
        }
        #expect(maps.arrays.keys.filter { $0.hasSuffix("/time") }.count == 4)
    }

    /// What a method fits, and the scale of all, is one for all pictures.
    @Test func whatIsFittedIsOneForAll() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace, ["in", "-o", "out/%s.png", "--export", "maps.zarr", "--method", "features"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let maps = try ArchiveReader(workspace.file("maps.zarr"))
        #expect(maps.arrays["tree.png/features"]?.dimensions == ["frame", "row", "col", "channel"])
        let alone = try run(workspace, ["in/tree.png", "--export", "alone.zarr", "--method", "features"])
        #expect(alone.status == 0, "\(alone.errors)")
        let single = try ArchiveReader(workspace.file("alone.zarr"))
        #expect(single.arrays["features"]?.shape == maps.arrays["tree.png/features"]?.shape)
        #expect(single.arrays["features"]?.bytes != maps.arrays["tree.png/features"]?.bytes)
        let scaled = try run(
            workspace,
            ["in/tree.png", "in/a/dog.jpg", "-o", "out/%s-c.png", "--view", "heatmap", "--scale", "clip"])
        #expect(scaled.status == 0, "\(scaled.errors)")
        let frame = try run(
            workspace, ["in/tree.png", "in/a/dog.jpg", "-o", "out/%s-f.png", "--view", "heatmap"])
        #expect(frame.status == 0, "\(frame.errors)")
        #expect(try workspace.bytes(of: "out/dog-c.png") != workspace.bytes(of: "out/dog-f.png"))
    }

    /// One archive for each, and a comparison of two models, for a list of one.
    @Test func namesStandInEveryOutput() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace,
            [
                "in/tree.png", "-o", "out/%s.jpg", "--export", "out/%s.npz", "--compare", "plain", "--define",
                "plain=\(Golden.path("plain", "weights"))", "--set", "plain:num-heads=3",
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")).sorted()
                == ["tree.jpg", "tree.npz"])
        #expect(try NPZReader(workspace.file("out/tree.npz")).names.contains("attention.plain"))
    }

    @Test func noneThatCanBeUsedIsAnError() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace,
            ["in/cut.jpg", "in/text.png", "-o", "out/%s.png", "--export", "maps.npz", "--stats", "out.csv"])
        #expect(outcome.status == 65)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("none of 2 pictures could be used; the first: cannot use in/cut.jpg"))
        #expect(try workspace.contents == ["in", "out"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")) == [])
    }

    /// Damage is an error where it is asked to be.
    @Test func strictLeavesNothingOut() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace, ["in/tree.png", "in/cut.jpg", "-o", "out/%s.png", "--export", "m.npz", "--strict"])
        #expect(outcome.status == 65 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("cannot use in/cut.jpg"))
        #expect(try workspace.contents == ["in", "out"])
    }

    /// Taken names are found before anything is computed, and replaced on demand.
    @Test func takenNamesAreFoundAtOnce() throws {
        let workspace = try Self.workspace()
        try workspace.write("kept".utf8, to: "out/tree.png")
        let arguments = ["in", "-o", "out/%s.png"]
        let refused = try run(workspace, arguments)
        #expect(refused.status == 73 && refused.errorLines.count == 1, "\(refused.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")) == ["tree.png"])
        #expect(try workspace.size(of: "out/tree.png") == 4)
        #expect(try run(workspace, arguments + ["-y"]).status == 0)
        #expect(try workspace.size(of: "out/tree.png") > 100)

        let before = try workspace.bytes(of: "in/tree.png")
        let itself = try run(workspace, ["in", "-o", "in/../in/%s.png", "-y"])
        #expect(
            itself.status == 73 && itself.errors.contains("it is one of the pictures"), "\(itself.errors)")
        #expect(try workspace.bytes(of: "in/tree.png") == before)
    }

    /// The pictures that are done stay; what is of all of them is kept under a name that says that it is not all.
    @Test func anInterruptKeepsWhatIsDone() throws {
        let workspace = try Workspace()
        for folder in ["in", "out"] { try workspace.makeDirectory(folder) }
        try workspace.ffmpeg("-i", Workspace.bunny, "-frames:v", "60", "-vf", "scale=448:252", "in/%02d.png")
        let program = try workspace.start(
            "in", "-o", "out/%s.png", "--export", "maps.zarr", "--progress", "json", "--resolution", "224")
        _ = try #require(try program.nextErrorLine())
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        let done = try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")).sorted()
        #expect((1..<60).contains(done.count))
        #expect(try workspace.contents == ["in", "maps.partial.zarr", "out"])
        let archive = try ArchiveReader(workspace.file("maps.partial.zarr"))
        #expect(
            archive.arrays.keys.filter { $0.hasSuffix("/attention") }.sorted()
                == done.map { "\($0)/attention" })
        #expect(
            outcome.errorLines.last
                == "vitvideo: interrupted; \(done.count) of 60 pictures are done, and in maps.partial.zarr")
    }

    /// Requests that cannot be met end at once, in one line with a next step.
    @Test(arguments: [
        (["in", "-o", "out.png"], "write one for each, -o '%s.png'"),
        (["in/tree.png", "in/a/dog.jpg", "-o", "out/x.mp4"], "write one for each, -o 'out/%s.png'"),
        (["in", "-o", "out/%s.mp4"], "let it end on .png or .jpg"),
        (["in", "-o", "out/%s-%03d.png"], "let it end on .png or .jpg"),
        (["in", "--masks", "out/m-%d.png"], "write one for each, --masks 'out/%s.png'"),
        (["in", "-o", "out/%s.png", "--frames", ":3"], "--frames chooses among the frames of a clip"),
        (["in", "-o", "out/%s.png", "-ss", "1"], "-ss chooses among the frames of a clip"),
        (["in", "-o", "out/%s.png", "--video-stream", "0"], "--video-stream chooses"),
        (["in", "-o", "out/%s.png", "--resume"], "--resume goes on with a clip"),
        (["in", "--plot", "out.png"], "use --stats FILE.csv"),
        (["in", "-o", "out/%s.png", "--compare", "video:in/tree.png"], "leave video:FILE out"),
        (["in", "-o", "out/%s.png", "--scale", "smooth"], "use --scale frame"),
        (
            ["in", "-o", "out/%s.png", "--method", "similarity", "--query", "1,1", "--query-frame", "2"],
            "there is no frame 2 of pictures"
        ),
    ]) func whatCannotBeIsRefused(arguments: [String], reason: String) throws {
        let workspace = try Self.workspace()
        let outcome = try run(workspace, arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(try workspace.contents == ["in", "out"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")) == [])
    }

    @Test(arguments: [(["gone.png", "in/tree.png"], 66), (["out"], 66), (["in/tree.png", "-"], 66)])
    func whatIsNotThereIsNamed(inputs: [String], status: Int) throws {
        let workspace = try Self.workspace()
        let outcome = try run(workspace, inputs + ["-o", "out/%s.png"])
        #expect(outcome.status == Int32(status) && outcome.errorLines.count == 1, "\(outcome.errors)")
    }

    /// A full disk ends the run; nothing has a name that is not whole.
    @Test(.enabled(if: Sanitizer.bearsFileSizeLimit), arguments: ["npz", "safetensors", "zarr"])
    func aFullDiskLeavesNoHalves(_ format: String) throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.limited(
            "trap '' XFSZ; ulimit -f 1",
            ["in", "-o", "out/%s.png", "--export", "maps.\(format)"] + Self.options)
        #expect([73, 74].contains(outcome.status) && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(try workspace.contents == ["in", "out"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")) == [])
    }
}
