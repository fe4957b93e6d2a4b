import Fixtures
import Foundation
import NumPy
import Testing

extension Robustness {
    /// Numbered pictures of which some cannot be read: those are named, and the others keep their numbers.
    @Suite struct LostPictures {
        static let count = 6
        static let formats = [
            ("png", []), ("jpg", ["-q:v", "2"]), ("bmp", []), ("tiff", []), ("webp", []), ("ppm", []),
            ("tga", []), ("avif", ["-c:v", "libaom-av1", "-cpu-used", "8"]),
        ]
        static let places: [Set<Int>] = [[0], [3], [5], [0, 1, 4]]

        @Test(arguments: RobustnessTable.choose(formats.map(\.0), short: 3))
        func areNamed(ending: String) throws {
            let options = Self.formats.first { $0.0 == ending }?.1 ?? []
            let whole = try Workspace()
            let made = try Program.run(
                "ffmpeg",
                ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "1"]
                    + options
                    + ["one.\(ending)"], directory: whole.path)
            try #require(made.status == 0, "\(made.errors)")
            for harm in RobustnessTable.choose(PictureHarm.allCases, short: 3) {
                for lost in RobustnessTable.choose(Self.places, short: 2) {
                    tryCase("media: numbered pictures that are lost") {
                        try fault(harm, lost, ending, whole).map {
                            "\(harm.rawValue) \(ending) at \(lost.sorted()): \($0)"
                        }
                    }
                }
            }
        }

        private func fault(
            _ harm: PictureHarm, _ lost: Set<Int>, _ ending: String, _ whole: Workspace
        ) throws -> String? {
            let workspace = try Workspace()
            for number in 0..<Self.count {
                let path = workspace.file("f\(number).\(ending)")
                try FileManager.default.copyItem(atPath: whole.file("one.\(ending)"), toPath: path)
                if lost.contains(number) { try harm.harm(path, keeping: 12) }
            }
            let arguments =
                ["f%d.\(ending)", "--export", "out.npz", "--resolution", "28", "-y"] + Trial.model
            let outcome = try workspace.run(arguments)
            guard outcome.status == 0 else { return "exit code \(outcome.status); \(outcome.errors)" }
            let frames = try NPZReader(workspace.file("out.npz")).array("frame").int64s().map { Int($0) }
            guard frames == (0..<Self.count).filter({ !lost.contains($0) }) else { return "frames \(frames)" }
            for number in lost where !outcome.errors.contains("f\(number).\(ending)") {
                return "no word about \(number): \(outcome.errors)"
            }
            guard outcome.errorLines.count == lost.count else { return outcome.errors }
            let strict = try workspace.run(arguments + ["--strict"])
            return strict.status == 65 ? nil : "--strict: exit code \(strict.status)"
        }
    }
}
