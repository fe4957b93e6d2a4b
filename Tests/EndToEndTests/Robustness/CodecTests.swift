import Fixtures
import Foundation
import Testing
import VideoIO

extension Robustness {
    /// Every codec and pixel format that this FFmpeg can write comes back with all its frames, and looks as
    /// FFmpeg's own conversion to RGB does.
    @Suite struct Codecs {
        /// Mean absolute difference in levels of 255 that two ways of scaling chroma may make on a test pattern.
        /// FFmpeg's own conversion of gray in floating point bends the curve; what was 64 comes out as 56.
        static func tolerance(_ pixelFormat: String) -> Double { pixelFormat.hasPrefix("grayf32") ? 12 : 3 }

        @Test(arguments: RobustnessTable.choose(try EncoderTable.all(), short: 24))
        func comesBackWhole(_ entry: EncoderTable.Entry) throws {
            let workspace = try Workspace()
            let name = "in.\(entry.fileExtension)"
            let encoding = try Program.run(
                "ffmpeg",
                [
                    "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i",
                    "testsrc2=size=\(entry.size):rate=25,gblur=sigma=3", "-frames:v", String(entry.frames),
                    "-pix_fmt",
                    entry.pixelFormat, "-c:v", entry.encoder, "-strict", "-2",
                ] + entry.options + [name], directory: workspace.path)
            // Not every pair that FFmpeg lists can be encoded; what cannot is no case.
            guard encoding.status == 0, try workspace.size(of: name) > 0 else { return }
            tryCase("media: codecs and pixel formats") {
                let picture = try FFmpegPictures(of: name, in: workspace)
                // Nor does FFmpeg read everything back that it writes.
                guard picture.count > 0 else {
                    return try Trial(entry.testDescription, name, in: workspace).fault(
                        .damaged(count: entry.frames, orJust: nil))
                }
                // What this FFmpeg writes but cannot read whole is damage like any other.
                let expectation =
                    picture.count == entry.frames
                    ? Trial.Expectation.frames(entry.frames) : .damaged(count: entry.frames, orJust: nil)
                return try Trial(entry.testDescription, name, in: workspace).fault(expectation)
                    ?? pictureFault(entry, name, picture, in: workspace)
            }
        }

        /// Compares the right half of the side-by-side view, which is the frame, with FFmpeg's picture.
        private func pictureFault(
            _ entry: EncoderTable.Entry, _ name: String, _ expected: FFmpegPictures, in workspace: Workspace
        ) throws -> String? {
            let outcome = try workspace.run(
                [name, "-o", "out-%d.png", "--view", "side-by-side", "--resolution", "28"] + Trial.model)
            guard outcome.status == 0 else { return "\(entry.testDescription): \(outcome.errors)" }
            let image = try StillImage.read(workspace.file("out-1.png"))
            let (height, width) = (image.height, image.width / 2)
            guard expected.height == height, expected.width == width else {
                return
                    "\(entry.testDescription): \(width)x\(height), not \(expected.width)x\(expected.height)"
            }
            var sum = 0
            for y in 0..<height {
                for x in 0..<width {
                    let pixel = image[y, width + x]
                    let start = (y * width + x) * 3
                    sum += abs(Int(pixel.red) - Int(expected.bytes[start]))
                    sum += abs(Int(pixel.green) - Int(expected.bytes[start + 1]))
                    sum += abs(Int(pixel.blue) - Int(expected.bytes[start + 2]))
                }
            }
            let difference = Double(sum) / Double(height * width * 3)
            return difference <= Self.tolerance(entry.pixelFormat)
                ? nil : "\(entry.testDescription): off by \(difference) levels"
        }
    }
}

/// A file's frames as FFmpeg itself decodes them to RGB.
struct FFmpegPictures {
    let height: Int
    let width: Int
    let count: Int
    /// All frames, three bytes a pixel.
    let bytes: [UInt8]

    init(of name: String, in workspace: Workspace) throws {
        // Width, height and, where it is known, the shape of the pixels.
        let size = try Program.run(
            "ffprobe",
            [
                "-v", "quiet", "-select_streams", "v:0", "-show_entries",
                "stream=width,height,sample_aspect_ratio", "-of", "csv=p=0", name,
            ], directory: workspace.path
        ).output.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        try #require(size.count >= 2, "\(name)")
        let aspect = size.count >= 4 && size[3] > 0 ? Double(size[2]) / Double(size[3]) : 1
        width = Int((Double(size[0]) * max(aspect, 1)).rounded())
        height = Int((Double(size[1]) / min(aspect, 1)).rounded())
        // FFmpeg's complaints are no matter here: what it gives is counted.
        _ = try Program.run(
            "ffmpeg",
            [
                "-v", "quiet", "-nostdin", "-y", "-i", name, "-vsync", "passthrough", "-vf",
                "scale=\(width):\(height)", "-sws_flags", "bicubic+accurate_rnd+full_chroma_int", "-f",
                "rawvideo", "-pix_fmt", "rgb24", "expected.rgb",
            ], directory: workspace.path)
        bytes = [UInt8](try workspace.bytes(of: "expected.rgb"))
        count = bytes.count / max(height * width * 3, 1)
    }
}
