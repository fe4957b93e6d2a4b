import Base
import Files
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Numbered pictures: what cannot be read is named, and the others keep their numbers.
@Suite struct SequenceTests {
    /// Six pictures `f0.png` to `f5.png`, of gray 0, 40, 80, …
    static func pictures(_ scratch: Scratch) throws -> String {
        for number in 0..<6 {
            try StillImage.write(
                RGBImage(height: 20, width: 30, gray: UInt8(number * 40)), to: scratch.file("f\(number).png"))
        }
        return scratch.file("f%d.png")
    }

    @Test(arguments: PictureHarm.allCases) func lostPicturesAreNamed(harm: PictureHarm) throws {
        let scratch = try Scratch()
        let pattern = try Self.pictures(scratch)
        try harm.harm(scratch.file("f0.png"))
        try harm.harm(scratch.file("f3.png"))
        let whole = try readAll(pattern)
        #expect(
            whole.indices == [1, 2, 4, 5] && whole.frames.map { $0.image[3, 3].red } == [40, 80, 160, 200])
        #expect(whole.ticks == [1, 2, 4, 5] && whole.outputTicks == [0, 1, 3, 4])
        for name in ["f0.png", "f3.png"] {
            let told = whole.warnings.filter { $0.message.contains(scratch.file(name)) }
            #expect(told.count == 1 && told.first?.kind == .damage, "\(name): \(whole.warnings)")
        }
        // Numbers are those of the pictures.
        #expect(try readAll(pattern, slice: "4:").frames.map { $0.image[0, 0].red } == [160, 200])
        #expect(try readAll(pattern, slice: "2:5:2").indices == [2, 4])
        #expect(try readAll(pattern, slice: "-2:").indices == [4, 5])
        #expect(try readAll(pattern, slice: "-4:").indices == [2, 4, 5])
        #expect(failure { try readAll(pattern, slice: "6:") }?.description.contains("6 frames") == true)
        // A span of time too: a picture is shown for 1/25 s.
        let span = ReaderOptions(frames: try FrameSelection(start: "0.08", end: "0.2"))
        #expect(try readAll(pattern, span).indices == [2, 4])
        // One that nobody asked for is no matter.
        let error = failure { try readAll(pattern, ReaderOptions(isStrict: true)) }
        #expect(error?.kind == .badData && error?.nextStep == .leaveOutStrict)
    }

    @Test func damageThatLeavesAPictureIsNamed() throws {
        let scratch = try Scratch()
        for number in 0..<3 {
            try scratch.ffmpeg(
                "f\(number).jpg", ["-f", "lavfi", "-i", "testsrc2=size=128x96", "-frames:v", "1"])
        }
        let cut = URL(fileURLWithPath: scratch.file("f1.jpg"))
        let bytes = try Data(contentsOf: cut)
        try bytes.prefix(bytes.count * 2 / 3).write(to: cut)
        let result = try readAll(scratch.file("f%d.jpg"))
        #expect(result.frames.count == 3)
        let damage = result.warnings.filter { $0.kind == .damage }
        #expect(!damage.isEmpty && damage.allSatisfy { $0.message.contains(cut.path) }, "\(damage)")
        let strict = ReaderOptions(isStrict: true)
        #expect(failure { try readAll(scratch.file("f%d.jpg"), strict) }?.kind == .badData)
        let others = ReaderOptions(frames: try FrameSelection(slice: "2:"), isStrict: true)
        #expect(try readAll(scratch.file("f%d.jpg"), others).indices == [2])
    }

    @Test func nothingButHarmIsAnErrorThatSaysWhy() throws {
        let scratch = try Scratch()
        let pattern = try Self.pictures(scratch)
        for number in 0..<6 { try PictureHarm.empty.harm(scratch.file("f\(number).png")) }
        let error = failure { try readAll(pattern) }
        #expect(error?.kind == .badData)
        #expect(error?.reason.contains("not one of 6 pictures") == true, "\(String(describing: error))")
        #expect(error?.reason.contains("the file is empty") == true)
    }

    @Test func aMultitudeOfLossesIsCounted() throws {
        let scratch = try Scratch()
        for number in 0..<60 { try scratch.write([], to: "f\(number).png") }
        try StillImage.write(
            RGBImage(height: 20, width: 30, gray: 9), to: scratch.file("f30.png"), overwrite: true)
        let result = try readAll(scratch.file("f%d.png"))
        #expect(result.indices == [30])
        #expect(result.warnings.count == 21)
        #expect(result.warnings.last?.message.contains("39 more pictures") == true, "\(result.warnings)")
    }

    /// What a picture is stands in the file, not in its name.
    @Test func picturesOfAllFormatsUnderOneName() throws {
        let scratch = try Scratch()
        let formats: [(String, [String])] = [
            ("png", []), ("jpg", ["-q:v", "1"]), ("bmp", []), ("tiff", []), ("webp", ["-lossless", "1"]),
            ("avif", ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "0"]), ("gif", ["-pix_fmt", "gray"]),
            ("ppm", []),
        ]
        for (number, (ending, options)) in formats.enumerated() {
            try scratch.ffmpeg(
                "in.\(ending)",
                ["-f", "lavfi", "-i", "color=gray:size=32x32", "-frames:v", "1"] + options)
            try FileManager.default.moveItem(
                atPath: scratch.file("in.\(ending)"), toPath: scratch.file("f\(number).png"))
        }
        let result = try readAll(scratch.file("f%d.png"))
        #expect(result.frames.count == formats.count && result.warnings == [], "\(result.warnings)")
        for (frame, format) in zip(result.frames, formats) {
            let level = Int(frame.image[16, 16].green)
            #expect(abs(level - 128) <= 3, "\(format.0): \(level)")
        }
    }

    @Test func sequencesOfAVIFAreRead() throws {
        let scratch = try Scratch()
        for number in 0..<3 {
            try scratch.ffmpeg(
                "f\(number).avif",
                [
                    "-f", "lavfi", "-i", "color=white:size=32x32", "-vf", "lutyuv=y=\(60 + number * 60)",
                    "-frames:v", "1", "-c:v", "libaom-av1", "-cpu-used", "8",
                ])
        }
        let result = try readAll(scratch.file("f%d.avif"))
        #expect(result.frames.count == 3 && result.warnings == [], "\(result.warnings)")
        let levels = result.frames.map { Int($0.image[9, 9].green) }
        #expect(levels[0] + 40 < levels[1] && levels[1] + 40 < levels[2], "\(levels)")
    }

    /// Each picture is turned by its own tag.
    @Test func picturesOfOtherSizesAreFitted() throws {
        let scratch = try Scratch()
        try StillImage.write(RGBImage(height: 20, width: 30, gray: 90), to: scratch.file("f0.png"))
        try StillImage.write(RGBImage(height: 30, width: 20, gray: 90), to: scratch.file("f1.png"))
        let result = try readAll(scratch.file("f%d.png"))
        #expect(result.frames.allSatisfy { ($0.image.height, $0.image.width) == (20, 30) })
        #expect(result.frames[1].image[10, 1] == (0, 0, 0) && result.frames[1].image[10, 15].red == 90)
        #expect(result.has(.picture) && !result.has(.damage))
    }

    /// A reader that goes on where another one stopped gives the same frames.
    @Test func readingGoesOnBehindALoss() throws {
        let scratch = try Scratch()
        let pattern = try Self.pictures(scratch)
        try PictureHarm.link.harm(scratch.file("f2.png"))
        let whole = try readAll(pattern)
        for start in 0...6 {
            let options = ReaderOptions(continuation: ReaderPosition(index: start, startTicks: nil))
            let rest = try readAll(pattern, options)
            #expect(rest.indices == whole.indices.filter { $0 >= start })
            #expect(rest.outputTicks == whole.outputTicks.suffix(rest.frames.count))
        }
        // The files behind it can all be opened.
        let paths = try InputFiles.paths(of: pattern)
        #expect(paths.count == 6 && paths.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    }

    /// Pictures in a folder whose name is no UTF-8.
    @Test func namesAreBytes() throws {
        let scratch = try Scratch()
        _ = try Self.pictures(scratch)
        try PictureHarm.link.harm(scratch.file("f2.png"))
        let folder = FileName.text(of: Array("\(scratch.path)/gr".utf8) + [0xfc, 0x6e])
        #expect(FileSystem.mkdir(folder, 0o700) == 0)
        for number in 0..<6 {
            #expect(FileSystem.rename(scratch.file("f\(number).png"), "\(folder)/f\(number).png") == 0)
        }
        #expect(FileSystem.rename(try scratch.write("#EXTM3U\na.mp4\n".utf8, to: "l"), "\(folder)/l") == 0)
        #expect(try readAll("\(folder)/f%d.png").indices == [0, 1, 3, 4, 5])
        RefusalTests.check("\(folder)/l", "playlist")
    }
}
