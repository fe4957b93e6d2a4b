import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Every video encoder of this FFmpeg into every container: a whole output, or a clear error and nothing written.
    @Suite struct Outputs {
        static let frames = 3

        struct Case: Sendable, CustomTestStringConvertible {
            let encoder: String
            let fileExtension: String

            var testDescription: String { "\(encoder) in \(fileExtension)" }
        }

        static func cases() throws -> [Case] {
            try EncoderTable.encoders().flatMap { encoder in
                ["mp4", "mov", "mkv", "webm"].map { Case(encoder: encoder, fileExtension: $0) }
            }
        }

        @Test(arguments: RobustnessTable.choose(try cases(), short: 30))
        func wholeOrRefused(_ output: Case) throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i", "sine", "-frames:v",
                "\(Self.frames)", "-t", "0.12", "in.mkv")
            let name = "out.\(output.fileExtension)"
            tryCase("media: codecs and containers of the output") {
                let outcome = try workspace.run(
                    ["in.mkv", "-o", name, "--codec", output.encoder, "--resolution", "28"] + Trial.model)
                let written = try workspace.contents.filter { $0 != "in.mkv" }
                let problem =
                    outcome.status == 0
                    ? try incompleteness(of: name, written, in: workspace)
                    : refusalFault(outcome, codes: [64, 69], written: written)
                return problem.map { "\(output.testDescription): \($0)" }
            }
        }

        private func incompleteness(
            of name: String, _ written: [String], in workspace: Workspace
        ) throws -> String? {
            guard written == [name] else { return "success with \(written)" }
            let count = try MediaProbe(workspace.file(name)).frameTimes().count
            return count == Self.frames ? nil : "\(count) frames of \(Self.frames)"
        }
    }
}
