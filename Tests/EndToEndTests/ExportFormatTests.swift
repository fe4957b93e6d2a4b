import Fixtures
import Foundation
import NumPy
import Testing

/// `--export` and `--dtype` of the program.
@Suite struct ExportFormatTests {
    private static let formats = ["npz", "safetensors", "zarr"]
    private static let settings = ["--resolution", "28"] + Trial.model

    private static func workspace(frames: Int = 40) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-frames:v", String(frames), "-c:v",
            "libx264", "in.mp4")
        return workspace
    }

    @Test func numbersAreRoundedOnDemand() throws {
        let workspace = try Self.workspace(frames: 12)
        for format in Self.formats {
            for number in ["float32", "float16"] {
                let outcome = try workspace.run(
                    ["in.mp4", "--export", "\(number).\(format)", "--dtype", number] + Self.settings)
                #expect(outcome.status == 0 && outcome.errors == "")
            }
        }
        #expect(try workspace.run(["in.mp4", "--export", "plain.npz"] + Self.settings).status == 0)
        #expect(try workspace.bytes(of: "plain.npz") == workspace.bytes(of: "float32.npz"))

        let exact = try AttentionExport(workspace.file("float32.npz"))
        let halves = try NPZReader(workspace.file("float16.npz")).array("attention")
        #expect(halves.element == .number(.float16))
        #expect(try halves.floats() == exact.attention.map { Float(Float16($0)) })
        #expect(try halves.floats() != exact.attention)
        for format in ["safetensors", "zarr"] {
            let (whole, rounded) = (
                try ArchiveReader(workspace.file("float32.\(format)")),
                try ArchiveReader(workspace.file("float16.\(format)"))
            )
            #expect(whole.arrays["attention"]?.values(Float.self) == exact.attention)
            #expect(rounded.arrays["attention"]?.bytes == halves.bytes)
            for archive in [whole, rounded] {
                #expect(archive.arrays["frame"]?.values(Int64.self) == exact.frames.map { Int64($0) })
                #expect(archive.arrays["time"]?.values(Double.self) == exact.times)
                let meta = try JSONDecoder().decode(
                    AttentionExport.Meta.self, from: Data(try #require(archive.texts["meta"]).utf8))
                #expect(meta == exact.meta)
            }
        }
    }

    @Test func picturesOfNeuronsAreExportedToo() throws {
        let workspace = try Workspace()
        for format in Self.formats {
            let outcome = try workspace.run(
                ["neuron", "1:3,1:4", "--steps", "2", "--export", "out.\(format)", "--dtype", "float16"]
                    + MethodCommandTests.tiny + ["--resolution", "32"])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let expected = try NPZReader(workspace.file("out.npz"))
        #expect(try expected.array("picture").element == .number(.float16))
        for format in ["safetensors", "zarr"] {
            let found = try ArchiveReader(workspace.file("out.\(format)"))
            for name in ["picture", "activation", "objective", "step_activation", "total_variation"] {
                let array = try expected.array(name)
                #expect(found.arrays[name]?.bytes == array.bytes && found.arrays[name]?.shape == array.shape)
            }
            #expect(found.texts["meta"] == (try expected.array("meta").strings()[0]))
        }
        let dimensions = try ArchiveReader(workspace.file("out.zarr")).arrays.mapValues(\.dimensions)
        #expect(dimensions["picture"] == ["unit", "channel", "row", "col"])
        #expect(dimensions["objective"] == ["unit", "step"])
    }

    /// Shells complete a directory's name with a slash.
    @Test func aDirectoryMayBeNamedWithItsSlash() throws {
        let workspace = try Self.workspace(frames: 2)
        for arguments in [["--export", "out.zarr/"], ["--export", "out.zarr//", "-y", "--resume"]] {
            let outcome = try workspace.run(["in.mp4"] + arguments + Self.settings)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try workspace.contents == ["in.mp4", "out.zarr"])
        }
        let refused = try workspace.run(["in.mp4", "--export", "out.zarr/"] + Self.settings)
        #expect(refused.status == 73)
        #expect(
            refused.errors
                == "vitvideo: cannot create out.zarr: it exists already; use --overwrite to replace it\n")
    }

    /// An interrupted run keeps what there is, and the second signal nothing.
    @Test(arguments: ["safetensors", "zarr"]) func interruptions(_ format: String) throws {
        let workspace = try Self.workspace(frames: 200)
        let command =
            ["in.mp4", "--export", "out.\(format)", "--progress", "json"]
            + ["--resolution", "112"] + Trial.model
        for attempt in 0..<2 {
            let program = try workspace.start(arguments: command)
            _ = try #require(try program.nextErrorLine())
            program.send(SIGINT)
            let outcome = try program.wait()
            #expect(outcome.status == 130)
            #expect(outcome.errorLines.last?.contains("out.partial.\(format)") == true, "\(attempt)")
            #expect(try workspace.contents == ["in.mp4", "out.partial.\(format)"])
            let archive = try ArchiveReader(workspace.file("out.partial.\(format)"))
            let frames = archive.arrays["frame"]?.values(Int64.self) ?? []
            #expect(!frames.isEmpty && frames == (0..<Int64(frames.count)).map { $0 })
            #expect(archive.arrays["attention"]?.shape[0] == frames.count)
        }
    }

    @Test func aKilledRunsDirectoryIsRemovedByTheNext() throws {
        let workspace = try Self.workspace(frames: 200)
        let program = try workspace.start(
            arguments: ["in.mp4", "--export", "out.zarr", "--progress", "json", "--resolution", "56"]
                + Trial.model)
        _ = try #require(try program.nextErrorLine())
        program.send(SIGKILL)
        #expect(try program.wait().status == 128 + SIGKILL)
        #expect(try workspace.contents.count == 2)
        let next = try workspace.run(["in.mp4", "--export", "next.npz", "--frames", ":1"] + Self.settings)
        #expect(next.status == 0)
        #expect(try workspace.contents == ["in.mp4", "next.npz"])
    }

    /// A limit on the size of files fails writes as a full disk does: at the first map, at the arrays, or with the last
    /// metadata.
    @Test(
        .enabled(if: Sanitizer.bearsFileSizeLimit),
        arguments: [
            ("safetensors", 0, 28), ("safetensors", 1, 28), ("safetensors", 8, 28), ("zarr", 0, 28),
            ("zarr", 1, 28), ("zarr", 8, 112),
        ])
    func aFullDiskLeavesNothing(_ format: String, _ blocks: Int, _ resolution: Int) throws {
        let workspace = try Self.workspace()
        for kept in [false, true] {
            let options = ["in.mp4", "--export", "out.\(format)"] + Trial.model
            if kept {
                let first = try workspace.run(options + ["--resolution", "28"])
                #expect(first.status == 0, "\(first.errors)")
            }
            let (names, before) = (try workspace.contents, try workspace.tree("out.\(format)"))
            let outcome = try workspace.limited(
                "trap '' XFSZ; ulimit -f \(blocks)", options + ["-y", "--resolution", String(resolution)])
            #expect([73, 74].contains(outcome.status) && outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(try workspace.contents == names)
            #expect(try workspace.tree("out.\(format)") == before)
        }
    }

    /// A directory that is no group is never removed.
    @Test func aDirectoryOfOtherThingsStays() throws {
        let workspace = try Self.workspace(frames: 2)
        try FileManager.default.createDirectory(
            atPath: workspace.file("out.zarr"), withIntermediateDirectories: false)
        try workspace.write("kept".utf8, to: "out.zarr/notes")
        let outcome = try workspace.run(["in.mp4", "--export", "out.zarr", "-y"] + Self.settings)
        #expect(outcome.status == 73)
        #expect(
            outcome.errors
                == "vitvideo: cannot create out.zarr: it is a directory that holds no Zarr group; name another\n"
        )
        #expect(try workspace.tree("out.zarr") == ["notes": Data("kept".utf8)])
    }
}
