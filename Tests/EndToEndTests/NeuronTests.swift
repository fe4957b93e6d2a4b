import Fixtures
import Foundation
import NumPy
import Testing

/// `vitvideo neuron`.
@Suite struct NeuronTests {
    /// A model of three blocks with 144 neurons each, patches of 4 pixels and 11 classes.
    static let tiny = [
        "--weights", Golden.path("supervised", "weights"), "--num-heads", "3", "--family", "vit",
        "--resolution", "32",
    ]

    static func run(_ workspace: Workspace, _ arguments: String) throws -> Program.Outcome {
        try workspace.run(["neuron"] + arguments.split(separator: " ").map(String.init) + tiny)
    }

    /// Everything that one neuron can write, and how it belongs together.
    @Test func aPictureWithItsNumbers() throws {
        let workspace = try Workspace()
        let outcome = try Self.run(
            workspace, "1:5 -o out.png --export out.npz --stats out.csv --plot out.svg --steps 12 --tv 0.5")
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        #expect(try workspace.contents == ["out.csv", "out.npz", "out.png", "out.svg"])
        #expect(try MediaProbe(workspace.file("out.png")).size() == "32x32")

        let archive = try NPZReader(workspace.file("out.npz"))
        let picture = try archive.array("picture")
        #expect(picture.shape == [1, 3, 32, 32])
        let values = try picture.floats()
        #expect(values.allSatisfy { (0...1).contains($0) } && Set(values).count > 1000)
        try workspace.ffmpeg("-i", "out.png", "-f", "rawvideo", "-pix_fmt", "gbrp", "planes.raw")
        let planes = [UInt8](try workspace.bytes(of: "planes.raw"))
        for (channel, plane) in [(1, 0), (2, 1), (0, 2)] {
            #expect(
                Array(planes[plane * 1024..<(plane + 1) * 1024])
                    == values[channel * 1024..<(channel + 1) * 1024].map { UInt8(($0 * 255).rounded()) })
        }

        let objective = try archive.array("objective")
        #expect(objective.shape == [1, 12])
        let rows = String(decoding: try workspace.bytes(of: "out.csv"), as: UTF8.self).split(separator: "\n")
        #expect(rows[0] == "unit,step,objective,activation,total_variation,learning_rate")
        #expect(rows.count == 13)
        for (index, value) in try objective.floats().enumerated() {
            let fields = rows[index + 1].split(separator: ",")
            #expect(fields[0] == "1:5" && fields[1] == "\(index)")
            #expect(abs(try #require(Float(fields[2])) - value) <= 1e-6 * abs(value))
        }
        #expect(rows[1].hasSuffix(",0.1"))
        #expect(try archive.array("activation").shape == [1])
        #expect(try archive.array("step_activation").shape == [1, 12])
        let text = try #require(try archive.array("meta").strings().first)
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let meta = try #require(object as? [String: Any])
        #expect(meta["units"] as? [String] == ["1:5"])
        #expect(meta["tv"] as? Double == 0.5 && meta["steps"] as? Int == 12 && meta["seed"] as? String == "0")
        #expect(meta["input_height"] as? Int == 32 && meta["target"] as? String == "neuron")
    }

    /// The picture does not depend on the threads, nor on what else is made in the run; another seed's is another.
    @Test func repeats() throws {
        let workspace = try Workspace()
        for (name, options) in [
            ("a", "1:5 --threads 1"), ("b", "1:5 --threads 3"), ("c", "1:5 --seed 9"), ("d", "2:7,1:5"),
        ] {
            let outcome = try Self.run(workspace, "\(options) --export \(name).npz --steps 8")
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        func picture(_ name: String) throws -> [Float] {
            try NPZReader(workspace.file("\(name).npz")).array("picture").floats()
        }
        #expect(try workspace.bytes(of: "a.npz") == workspace.bytes(of: "b.npz"))
        #expect(try picture("a") != picture("c"))
        #expect(try picture("d").suffix(3 * 32 * 32) == picture("a")[...])
    }

    /// Several units: a sheet, a row for each layer, numbered files, and a film.
    @Test func severalPictures() throws {
        let workspace = try Workspace()
        let units = "0:1,1:1,1:2,2:*:3"
        for output in [
            "sheet.png", "rows.png --sheet progression", "one-%02d.png", "film.mp4 --frame-interval 2",
        ] {
            let outcome = try Self.run(workspace, "\(units) -o \(output) --steps 4")
            #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        }
        #expect(try workspace.contents.filter { $0.hasPrefix("one-") } == (1...6).map { "one-0\($0).png" })
        // Three columns and three rows, each with a caption of 20 pixels above it, and gaps of 4.
        #expect(try MediaProbe(workspace.file("rows.png")).size() == "\(3 * 32 + 8)x\(3 * 52 + 8)")
        let (rows, sheet) = (try workspace.bytes(of: "rows.png"), try workspace.bytes(of: "sheet.png"))
        #expect(rows != sheet)
        #expect(try MediaProbe(workspace.file("one-01.png")).size() == "32x32")
        // Steps 0, 2 and the last of each.
        #expect(try MediaProbe(workspace.file("film.mp4")).frameTimes().count == 6 * 3)
    }

    /// All that can be made large.
    @Test(arguments: [
        "1:5 --target key", "1:5 --target query --head 2", "1,-1 --target value --head 0",
        "3,4 --target logit", "photo.png --target class-token",
    ]) func everyTarget(arguments: String) throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-frames:v", "1", "photo.png")
        let outcome = try Self.run(workspace, "\(arguments) --export out.npz --steps 3")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let count = arguments.hasPrefix("1,") || arguments.hasPrefix("3,") ? 2 : 1
        #expect(try NPZReader(workspace.file("out.npz")).array("picture").shape == [count, 3, 32, 32])
    }

    /// The optimization does what it is for: with the default model the activation rises far above that of noise.
    @Test func theDefaultModelIsExcited() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run([
            "neuron", "1:768", "--export", "out.npz", "--resolution", "112", "--steps", "30",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let archive = try NPZReader(workspace.file("out.npz"))
        let first = try archive.array("step_activation").floats()[0]
        let activation = try archive.array("activation").floats()[0]
        #expect(activation > first + 3, "\(activation), \(first)")
    }

    /// What can be wrong, with the exit code, and nothing left behind.
    @Test(arguments: [
        FailureTests.Case(64, "-o out.png", "no unit", "5:120"),
        FailureTests.Case(64, "3:0 -o out.png", "layer 3", "layers 0 to 2"),
        FailureTests.Case(64, "1:144 -o out.png", "neuron 144", "layer 1", "neurons 0 to 143"),
        FailureTests.Case(64, "cat -o out.png", "'cat'", "LAYER:NEURON"),
        FailureTests.Case(64, "1:36 -o out.png --target key", "channel 36", "channels 0 to 35"),
        FailureTests.Case(64, "1:12 -o out.png --target key --head 1", "channel 12", "channels 0 to 11"),
        FailureTests.Case(64, "1:1 -o out.png --target key --head 3", "head 3", "heads 0 to 2"),
        FailureTests.Case(64, "1:1 -o out.png --head 3", "--head"),
        FailureTests.Case(64, "11 -o out.png --target logit", "class 11", "classes 0 to 10"),
        FailureTests.Case(64, "tench -o out.png --target logit", "'tench'", "--labels"),
        FailureTests.Case(
            65, "3 -o out.png --target logit --labels text.jpg", "has 1 names", "11 classes"),
        FailureTests.Case(66, "gone.png -o out.png --target class-token", "gone.png"),
        FailureTests.Case(65, "text.jpg -o out.png --target class-token", "text.jpg"),
        FailureTests.Case(64, "1:5 -o out.bmp", "out.bmp", "png"),
        FailureTests.Case(64, "1:5 -o out", "no extension"),
        FailureTests.Case(64, "1:5", "nothing to write"),
        FailureTests.Case(64, "1:5 -o -", "standard output"),
        FailureTests.Case(64, "1:5 --plot out.pdf", "out.pdf"),
        FailureTests.Case(64, "1:5 --export out.zip", "--export"),
        FailureTests.Case(73, "1:5 -o taken.png", "taken.png"),
        FailureTests.Case(73, "1:5 --export nowhere/out.npz", "nowhere"),
        FailureTests.Case(64, "1:5 -o out.png --steps 0", "--steps"),
        FailureTests.Case(64, "1:5 -o out.png --tv -1", "--tv"),
        FailureTests.Case(64, "1:5 -o out.png --resolution 3", "3×3"),
        FailureTests.Case(69, "1:5 -o out.png --budget-memory 100K", "and 100 kB are free", "--resolution"),
    ])
    func refusals(_ item: FailureTests.Case) throws {
        let workspace = try Workspace()
        try workspace.write("kept".utf8, to: "taken.png")
        try workspace.write("no picture".utf8, to: "text.jpg")
        let outcome = try workspace.run(
            ["neuron"] + (item.arguments.contains("--resolution 3") ? Self.tiny.dropLast(2) : Self.tiny[...])
                + item.arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == item.status, "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        let line = try #require(outcome.errorLines.last)
        for mention in item.mentions { #expect(line.contains(mention), "\(line)") }
        #expect(try workspace.contents == ["taken.png", "text.jpg"])
        #expect(try workspace.bytes(of: "taken.png") == Data("kept".utf8))
    }

    /// A model without classes has no logit.
    @Test func noClasses() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run([
            "neuron", "3", "--target", "logit", "-o", "out.png", "--weights", Golden.path("plain", "weights"),
            "--num-heads", "3",
        ])
        #expect(outcome.status == 64)
        #expect(outcome.errorLines.last?.contains("has no classifier") == true, "\(outcome.errors)")
        #expect(try workspace.contents == [])
    }

    /// An interrupt keeps the picture so far, under a name that says so.
    @Test func anInterruptKeepsThePicture() throws {
        let workspace = try Workspace()
        try workspace.write("before".utf8, to: "out.png")
        let program = try workspace.start(
            arguments: [
                "neuron", "1:5,1:6", "-y", "-o", "out.png", "--export", "out.npz", "--stats", "out.csv",
                "--plot", "out.svg", "--progress", "json", "--steps", "100000",
            ] + Self.tiny)
        let line = try #require(try program.nextErrorLine())
        #expect(line.contains("\"objective\":"), "\(line)")
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        let message = try #require(outcome.errorLines.last)
        #expect(
            message.hasPrefix("vitvideo: interrupted; the picture so far is in out.partial.png"), "\(message)"
        )
        #expect(
            try workspace.contents
                == ["out.partial.csv", "out.partial.npz", "out.partial.png", "out.partial.svg", "out.png"])
        #expect(try workspace.bytes(of: "out.png") == Data("before".utf8))
        let archive = try NPZReader(workspace.file("out.partial.npz"))
        #expect(try archive.array("picture").shape == [1, 3, 32, 32])
        let objective = try archive.array("objective").floats()
        let done = objective.prefix { $0.isFinite }.count
        #expect(done >= 1 && done < 100_000 && objective[done...].allSatisfy(\.isNaN))
    }
}
