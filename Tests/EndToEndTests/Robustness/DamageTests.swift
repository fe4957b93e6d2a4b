import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Sound files of which a part is missing or altered: the frames that are left, a warning or an error; never
    /// fewer frames without a word.
    @Suite struct Damage {
        /// A kind of file that is damaged in many ways.
        struct Specimen: Sendable, CustomTestStringConvertible {
            let name: String
            let encoding: String
            /// Streams without a table or length: what is cut off at a packet's end leaves no trace.
            let saysItsLength: Bool
            /// Whether there is sound, and a video with it is written.
            let hasSound: Bool

            var testDescription: String { name }

            init(_ name: String, _ encoding: String, saysItsLength: Bool = true, hasSound: Bool = false) {
                (self.name, self.encoding) = (name, encoding)
                (self.saysItsLength, self.hasSound) = (saysItsLength, hasSound)
            }

            /// MP4 in fragments, as recorders write it that may be switched off at any moment.
            static func recording(_ name: String, _ fragments: String) -> Specimen {
                Specimen(
                    name, "-c:v libx264 -g 5 -c:a aac \(fragments)", saysItsLength: false, hasSound: true)
            }
        }

        static let frames = 20
        /// Damaged files of each kind of damage and each specimen: 1,092 with thirteen specimens.
        static let seeds = 42
        static let specimens = [
            Specimen("front.mp4", "-c:v libx264 -bf 2 -g 8 -movflags faststart"),
            Specimen("back.mp4", "-c:v mpeg4 -g 5"),
            Specimen(
                "fragments.mp4", "-c:v libx264 -g 5 -movflags frag_keyframe+empty_moov", saysItsLength: false),
            Specimen("clip.mkv", "-c:v libx264 -bf 2 -g 8"),
            Specimen("clip.webm", "-c:v libvpx -g 6"),
            Specimen("clip.avi", "-c:v mjpeg"),
            Specimen("clip.mov", "-c:v prores_ks"),
            Specimen("clip.ts", "-c:v mpeg2video -bf 2 -g 8", saysItsLength: false),
            Specimen("clip.flv", "-c:v flv"), Specimen("clip.asf", "-c:v wmv2", saysItsLength: false),
            Specimen("clip.gif", "-vf scale=48:36"),
            Specimen("clip.nut", "-c:v ffv1 -level 3 -slicecrc 1", saysItsLength: false),
            Specimen("clip.ogv", "-c:v libtheora", saysItsLength: false),
        ]
        static let recordings = [
            Specimen.recording("key.mp4", "-movflags frag_keyframe+empty_moov"),
            Specimen.recording("key-bare.mp4", "-movflags frag_keyframe+empty_moov+skip_trailer"),
            Specimen.recording("time.mp4", "-frag_duration 150000 -movflags empty_moov"),
            Specimen.recording("time-bare.mp4", "-frag_duration 150000 -movflags empty_moov+skip_trailer"),
            Specimen.recording("index.mp4", "-movflags frag_keyframe+empty_moov+global_sidx"),
        ]

        /// Each specimen's bytes, made once.
        private static func bytes(_ specimen: Specimen) throws -> [UInt8] {
            let workspace = try Workspace()
            let words =
                "-f lavfi -i testsrc2=size=64x48:rate=25 "
                + (specimen.hasSound ? "-f lavfi -i sine=sample_rate=48000:duration=0.8 " : "")
                + "-frames:v \(frames) -pix_fmt \(pixelFormat(specimen)) \(specimen.encoding) -bitexact \(specimen.name)"
            let outcome = try Program.run(
                "ffmpeg", ["-v", "error", "-nostdin", "-y"] + words.split(separator: " ").map(String.init),
                directory: workspace.path)
            try #require(outcome.status == 0, "\(outcome.errors)")
            return [UInt8](try workspace.bytes(of: specimen.name))
        }

        private static func pixelFormat(_ specimen: Specimen) -> String {
            switch specimen.name {
            case "clip.gif": "rgb8"
            case "clip.avi": "yuvj420p"
            case "clip.mov": "yuv422p10le"
            default: "yuv420p"
            }
        }

        private func check(
            _ className: String, _ specimen: Specimen, _ remark: String, _ bytes: [UInt8],
            mayLeaveNoTrace: Bool = false, in workspace: Workspace
        ) throws {
            try workspace.write(bytes, to: specimen.name)
            tryCase(className) {
                let leavesTraces = specimen.saysItsLength && !mayLeaveNoTrace
                let remaining = leavesTraces ? nil : try decodable(specimen.name, in: workspace)
                let name = "\(specimen.name) \(remark)"
                let trial = try Trial(
                    name, specimen.name, in: workspace, specimen.hasSound ? ["-o", "out.mp4", "-y"] : [])
                if let fault = trial.fault(.damaged(count: Self.frames, orJust: remaining)) { return fault }
                guard specimen.hasSound, let frames = trial.frames?.count else { return nil }
                let written = try MediaProbe(workspace.file("out.mp4")).frameTimes().count
                return written == frames ? nil : "\(name): \(written) frames written of \(frames)"
            }
        }

        /// How many frames FFmpeg itself gets out of a file.
        private func decodable(_ name: String, in workspace: Workspace) throws -> Int? {
            let outcome = try Program.run(
                "ffprobe",
                [
                    "-v", "quiet", "-select_streams", "v:0", "-count_frames", "-show_entries",
                    "stream=nb_read_frames", "-of", "csv=p=0", name,
                ], directory: workspace.path)
            return outcome.output.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        }

        @Test(arguments: specimens + recordings) func cutAtEveryPercent(_ specimen: Specimen) throws {
            let workspace = try Workspace()
            let whole = try Self.bytes(specimen)
            for percent in RobustnessTable.choose(Array(1..<100), short: 4) {
                try check(
                    "media: cut at every 1 %", specimen, "cut at \(percent) %",
                    Array(whole.prefix(whole.count * percent / 100)), in: workspace)
            }
        }

        /// 504 files, each with one to eight bits turned over.
        @Test(arguments: specimens) func bitFlips(_ specimen: Specimen) throws {
            let workspace = try Workspace()
            let whole = try Self.bytes(specimen)
            for seed in RobustnessTable.choose(Array(1...Self.seeds), short: 3) {
                var random = SplitMix64(seed: UInt64(seed))
                var bytes = whole
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1
                        << UInt8.random(
                            in: 0..<8, using: &random)
                }
                try check("media: bit flips", specimen, "seed \(seed)", bytes, in: workspace)
            }
        }

        /// 504 files, each with a block of 64 to 2,048 bytes zeroed or taken out.
        @Test(arguments: specimens) func blockLosses(_ specimen: Specimen) throws {
            let workspace = try Workspace()
            let whole = try Self.bytes(specimen)
            for seed in RobustnessTable.choose(Array(1...Self.seeds), short: 3) {
                var random = SplitMix64(seed: UInt64(seed) + 1_000)
                var bytes = whole
                let start = Int.random(in: 0..<bytes.count, using: &random)
                let block = start..<min(start + Int.random(in: 64...2048, using: &random), bytes.count)
                let isTakenOut = Bool.random(using: &random)
                if isTakenOut {
                    bytes.removeSubrange(block)
                } else {
                    for place in block { bytes[place] = 0 }
                }
                // GIF counts nothing: blocks that happen to make sense over the seam leave no trace.
                try check(
                    "media: block losses", specimen, "seed \(seed), \(block)", bytes,
                    mayLeaveNoTrace: isTakenOut && specimen.name == "clip.gif", in: workspace)
            }
        }

        /// With `--strict` damage that is otherwise a warning is an error, and leaves no output.
        @Test(arguments: specimens.filter(\.saysItsLength)) func strictness(_ specimen: Specimen) throws {
            let workspace = try Workspace()
            let whole = try Self.bytes(specimen)
            try workspace.write(whole, to: specimen.name)
            tryCase("media: --strict") {
                try Trial("\(specimen.name), whole", specimen.name, in: workspace, ["--strict"])
                    .fault(.frames(Self.frames))
            }
            for percent in [30, 60, 90] {
                try workspace.write(whole.prefix(whole.count * percent / 100), to: specimen.name)
                let lenient = try Trial("lenient", specimen.name, in: workspace)
                guard lenient.outcome.errors.contains("ends early") else { continue }
                tryCase("media: --strict") {
                    let strict = try Trial(
                        "\(specimen.name), \(percent) %", specimen.name, in: workspace, ["--strict"])
                    if strict.outcome.status != 65 { return "exit code \(strict.outcome.status)" }
                    return strict.fault(.refused)
                }
            }
        }
    }
}
