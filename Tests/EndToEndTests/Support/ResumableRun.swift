import Foundation
import Testing

/// A job in small segments, run whole or in several goes.
struct ResumableRun {
    static let segmentFrames = 16

    let workspace: Workspace
    let input: String
    /// `-o`, `--export`, `--stats`, `--masks` and `--coco` go to this name with the extension of each.
    let outputs: [String]
    let options: [String]

    func arguments(_ name: String, _ more: [String] = []) -> [String] {
        let flags = [
            "npz": "--export", "safetensors": "--export", "zarr": "--export", "csv": "--stats",
            "json": "--coco", "-%03d.png": "--masks",
        ]
        return [input] + Trial.model + ["--resume", "--segment-frames", String(Self.segmentFrames)]
            + outputs.flatMap { [flags[$0] ?? "-o", file(name, $0)] } + options + more
    }

    /// `out.mp4`; of `%03d.png` for a sequence `out%03d.png`.
    func file(_ name: String, _ ending: String) -> String {
        ending.contains("%") ? name + ending : "\(name).\(ending)"
    }

    func directory(_ name: String) -> String { file(name, outputs[0]) + ".resume" }

    /// Frames in finished segments, the last one taken for full; none once the job is done and they are being removed.
    func keptFrames(_ name: String) throws -> Int {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: workspace.file(directory(name)))) ?? []
        guard names.contains("job.json") else { return 0 }
        return names.count { $0.hasPrefix("segment-") && !$0.hasSuffix(".part") } * Self.segmentFrames
    }

    /// Starts the job, waits until it has done so many frames more, or ended, and sends a signal.
    func run(_ name: String, untilMoreThan frames: Int, _ signal: Int32) throws -> Program.Outcome {
        let already = try keptFrames(name)
        let program = try workspace.start(arguments: arguments(name, ["--progress", "json"]))
        while let line = try program.nextErrorLine() {
            guard let count = Self.number(in: line, after: "\"frames\":"), count > already + frames else {
                continue
            }
            break
        }
        program.send(signal)
        return try program.wait()
    }

    /// Runs the job to its end.
    ///
    /// - Returns: how many frames that took, as `--verbose` says.
    func finish(_ name: String) throws -> Int {
        let outcome = try workspace.run(arguments(name, ["-y", "--verbose"]))
        try #require(outcome.status == 0, "\(outcome.errors)")
        let line = try #require(outcome.errorLines.last { $0.contains(" frames in ") })
        return try #require(Int(line.prefix { $0.isNumber }))
    }

    private static func number(in line: String, after key: String) -> Int? {
        line.range(of: key).flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
    }

    /// What differs between two results: decoded frames and sound with their times, the audio packets, and the bytes
    /// of tables and arrays.
    func difference(_ one: String, _ other: String) throws -> String? {
        for ending in outputs {
            let names = [file(one, ending), file(other, ending)]
            let contents: [[String]] = try names.map { name in
                if ["npz", "safetensors", "zarr", "csv", "json"].contains(ending) {
                    return try workspace.tree(name).sorted { $0.key < $1.key }.map {
                        "\($0.key) \($0.value.base64EncodedString())"
                    }
                }
                let frames = try Program.run(
                    "ffmpeg",
                    [
                        "-v", "error", "-i", name, "-map", "0", "-fps_mode", "passthrough", "-enc_time_base",
                        "-1", "-f", "framemd5", "-",
                    ], directory: workspace.path)
                guard frames.status == 0, frames.errors.isEmpty else { return [frames.errors, name] }
                if ending.contains("%") { return [frames.output] }
                let probe = MediaProbe(workspace.file(name))
                return [frames.output] + (try probe.frameTimes()) + (try probe.audioPackets())
            }
            if contents[0] != contents[1] { return "\(names[0]) and \(names[1]) differ" }
        }
        return nil
    }
}
