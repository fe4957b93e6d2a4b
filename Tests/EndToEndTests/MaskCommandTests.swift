import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// `--masks` and `--coco`.
@Suite struct MaskCommandTests {
    private static let options = ["--resolution", "48"] + MethodCommandTests.tiny

    /// A workspace with a clip of 12 frames, `in.mp4`, of 96 × 128 pixels.
    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25", "-frames:v", "12", "-c:v", "libx264",
            "in.mp4")
        return workspace
    }

    private func run(_ workspace: Workspace, _ arguments: [String]) throws -> Program.Outcome {
        try workspace.run(arguments + Self.options)
    }

    private func mask(_ name: String, in workspace: Workspace) throws -> IndexMask {
        try MaskPicture.read(workspace.file(name))
    }

    private struct Document: Decodable {
        struct Image: Decodable {
            let id: Int
            let file_name: String
            let frame: Int
        }

        struct Annotation: Decodable {
            let image_id: Int
            let area: Int
        }

        struct Category: Decodable {
            let name: String
        }

        let images: [Image]
        let annotations: [Annotation]
        let categories: [Category]
    }

    private func document(_ name: String, in workspace: Workspace) throws -> Document {
        try JSONDecoder().decode(Document.self, from: workspace.bytes(of: name))
    }

    /// Inside are the pixels that the mask view of the same run leaves in color.
    @Test(arguments: ["0.6", "0.3"]) func masksAreThoseOfTheView(threshold: String) throws {
        let workspace = try Self.workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "color=red:size=130x97", "-frames:v", "1", "-vf",
            "format=rgb24,scale=130:97,setsar=1,noise=alls=60:all_seed=3",
            "red.png")
        let outcome = try run(
            workspace,
            [
                "red.png", "--masks", "mask.png", "-o", "out.png", "--view", "mask", "--threshold", threshold,
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let mask = try mask("mask.png", in: workspace)
        let (shown, source) = (
            try StillImage.read(workspace.file("out.png")), try StillImage.read(workspace.file("red.png"))
        )
        #expect(source.height == 97 && source.width == 130)
        #expect(mask.height == 97 && mask.width == 130, "\(mask.height)×\(mask.width)")
        #expect(mask.objects == [1])
        for row in 0..<97 {
            for column in 0..<130 {
                let pixel = shown[row, column]
                // White is the line along the border, which is drawn inside.
                let isKept = pixel == source[row, column] || pixel == (255, 255, 255)
                #expect(isKept == (mask[row, column] == 1), "\(row), \(column)")
            }
        }
    }

    /// Numbers of pictures are those of the images; frames are those of the source.
    @Test func picturesAndAnnotationsAgree() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace, ["in.mp4", "--masks", "m-%02d.png", "--coco", "out.json", "--frames", "2:10:3"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            try workspace.contents == ["in.mp4", "m-01.png", "m-02.png", "m-03.png", "out.json"])
        let document = try document("out.json", in: workspace)
        #expect(document.images.map(\.id) == [1, 2, 3] && document.images.map(\.frame) == [2, 5, 8])
        #expect(
            document.images.map(\.file_name) == ["in-000002.png", "in-000005.png", "in-000008.png"])
        #expect(document.categories.map(\.name) == ["attention"])
        for (number, annotation) in document.annotations.enumerated() {
            let mask = try mask("m-0\(number + 1).png", in: workspace)
            #expect((mask.height, mask.width) == (96, 128))
            #expect(annotation.image_id == number + 1)
            #expect(annotation.area == mask.indices.count { $0 == 1 })
        }
        #expect(document.annotations.count == 3)
    }

    /// Pictures of a sequence, and a picture, are called by their files' names.
    @Test func picturesKeepTheirNames() throws {
        let workspace = try Self.workspace()
        try workspace.ffmpeg("-i", "in.mp4", "-start_number", "7", "f%03d.png")
        #expect(
            try run(workspace, ["./f%03d.png", "--coco", "s.json", "--frames", "1:3"]).status == 0)
        #expect(
            try document("s.json", in: workspace).images.map(\.file_name) == ["f008.png", "f009.png"])
        #expect(try run(workspace, ["f007.png", "--coco", "p.json"]).status == 0)
        #expect(try document("p.json", in: workspace).images.map(\.file_name) == ["f007.png"])
    }

    /// A resumed run writes the bytes of a plain one.
    @Test func resumedMasksAreThoseOfAPlainRun() throws {
        let workspace = try Self.workspace()
        for folder in ["plain", "resumed"] {
            try FileManager.default.createDirectory(
                atPath: workspace.file(folder), withIntermediateDirectories: false)
            let more = folder == "plain" ? [] : ["--resume", "--segment-frames", "5"]
            let outcome = try run(
                workspace,
                [
                    "in.mp4", "--masks", "\(folder)/%d.png", "--coco", "\(folder)/out.json", "--method",
                    "rollout",
                ] + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file("plain")).sorted()
        #expect(names.count == 13)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("resumed")).sorted() == names)
        for name in names {
            #expect(
                try workspace.bytes(of: "plain/\(name)") == workspace.bytes(of: "resumed/\(name)"), "\(name)")
        }
    }

    /// An interrupt keeps the masks that are done, and the annotations under a name that says it is not all.
    @Test func anInterruptKeepsWhatIsDone() throws {
        let workspace = try Workspace()
        let program = try workspace.start(
            arguments: [
                Workspace.bunny, "--masks", "m-%03d.png", "--coco", "out.json", "--progress", "json",
            ] + MethodCommandTests.tiny + ["--resolution", "160"])
        _ = try #require(try program.nextErrorLine())
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        let document = try document("out.partial.json", in: workspace)
        let count = document.images.count
        #expect((1..<132).contains(count))
        #expect(
            try workspace.contents
                == (1...count).map { "m-\(String(repeating: "0", count: 3 - "\($0)".count))\($0).png" }
                + ["out.partial.json"])
        #expect(
            outcome.errorLines.last?.contains("\(count) frames are in out.partial.json, m-%03d.png") == true)
    }

    /// Requests that cannot be met end at once, in one line with a next step.
    @Test(arguments: [
        (["in.mp4", "--masks", "m.png"], 64, "use a numbered name, m-%04d.png"),
        (["in.mp4", "--masks", "m-%d.jpg"], 64, "--masks writes .png files"),
        (["in.mp4", "--masks", "-"], 64, "--masks writes a file"),
        (["in.mp4", "--coco", "m.txt"], 64, "--coco writes .json files"),
        (["in.mp4", "--coco", "m.json", "--method", "layers"], 64, "use --method attention --layer"),
        (["in.mp4", "--coco", "m.json", "--method", "features"], 64, "colours"),
        (
            ["in.mp4", "--masks", "m-%d.png", "--compare", Golden.path("plain", "weights")], 64,
            "write the masks of each in a run of its own, with --model"
        ),
        (["in.mp4", "--masks", "nowhere/m-%d.png"], 73, "there is no directory nowhere"),
    ]) func whatCannotBeIsRefused(arguments: [String], status: Int, reason: String) throws {
        let workspace = try Self.workspace()
        let outcome = try run(workspace, arguments)
        #expect(outcome.status == Int32(status))
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(try workspace.contents == ["in.mp4"])
    }

    /// What is there stays, and is replaced on demand.
    @Test func existingMasksAreReplacedOnDemand() throws {
        let workspace = try Self.workspace()
        try workspace.write("kept".utf8, to: "m-3.png")
        let arguments = ["in.mp4", "--frames", ":4", "--masks", "m-%d.png"]
        let refused = try run(workspace, arguments)
        #expect(refused.status == 73 && refused.errorLines.count == 1)
        #expect(refused.errors.contains("m-3.png exists already"))
        #expect(try workspace.contents == ["in.mp4", "m-3.png"])
        #expect(try run(workspace, arguments + ["-y"]).status == 0)
        #expect(try mask("m-3.png", in: workspace).objects == [1])
    }

    /// A comparison with a recording has one model, whose masks are written.
    @Test func aRecordingBesideTheModelIsNoOtherModel() throws {
        let workspace = try Self.workspace()
        let outcome = try run(
            workspace, ["in.mp4", "--masks", "m-%d.png", "--compare", "video:in.mp4", "-o", "out.mp4"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try workspace.contents.count { $0.hasPrefix("m-") } == 12)
    }
}
