import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Frames come out upright, square, progressive and in the right colors.
@Suite struct PictureTests {
    /// Eight bars of equal width and their RGB values: a card for color and for orientation.
    static let bars: [(UInt8, UInt8, UInt8)] = [
        (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191),
        (16, 40, 90),
    ]

    static func barImage(height: Int, width: Int) -> RGBImage {
        var image = RGBImage(height: height, width: width)
        for row in 0..<height {
            for column in 0..<width { image[row, column] = bars[column * 8 / width] }
        }
        return image
    }

    /// The largest difference of any sample in the middle of each bar from what the card says.
    static func largestError(_ image: RGBImage) -> Int {
        var worst = 0
        for bar in 0..<8 {
            let pixel = image[image.height / 2, (2 * bar + 1) * image.width / 16]
            let wanted = bars[bar]
            for (a, b) in [(pixel.red, wanted.0), (pixel.green, wanted.1), (pixel.blue, wanted.2)] {
                worst = max(worst, abs(Int(a) - Int(b)))
            }
        }
        return worst
    }

    /// A PNG of the card.
    static func card(_ scratch: Scratch, height: Int = 64, width: Int = 256) throws -> String {
        let path = scratch.file("card.png")
        try StillImage.write(barImage(height: height, width: width), to: path, overwrite: true)
        return path
    }

    struct Coding: CustomTestStringConvertible {
        var matrix: String
        var range = "tv"
        var format = "yuv444p"
        var tagged = true
        var lines = 64
        var codec = ["-c:v", "libx264", "-qp", "0"]
        var testDescription: String {
            "\(matrix) \(range) \(format) tagged=\(tagged) lines=\(lines) \(codec)"
        }
    }

    @Test(arguments: [
        Coding(matrix: "bt709"), Coding(matrix: "smpte170m"), Coding(matrix: "bt2020nc"),
        Coding(matrix: "bt709", range: "pc"), Coding(matrix: "smpte170m", range: "pc", format: "yuv420p"),
        Coding(matrix: "bt709", format: "yuv420p"), Coding(matrix: "bt709", format: "yuv422p"),
        Coding(matrix: "bt709", format: "yuv420p10le"), Coding(matrix: "bt2020nc", format: "yuv420p10le"),
        Coding(matrix: "smpte170m", tagged: false, lines: 576),
        Coding(matrix: "bt709", tagged: false, lines: 720),
        Coding(matrix: "smpte240m"),
        Coding(
            matrix: "bt709", format: "yuv420p10le",
            codec: ["-c:v", "libx265", "-x265-params", "log-level=none:lossless=1"]),
        Coding(matrix: "bt709", format: "yuv420p", codec: ["-c:v", "libvpx-vp9", "-lossless", "1"]),
        Coding(matrix: "bt709", format: "yuv444p16le", codec: ["-c:v", "ffv1"]),
        Coding(matrix: "bt709", format: "yuva420p", codec: ["-c:v", "ffv1"]),
    ])
    func taggedMatrixAndRangeAreUsed(coding: Coding) throws {
        let scratch = try Scratch()
        let card = try PictureTests.card(scratch, height: coding.lines)
        var arguments = ["-i", card, "-vf"]
        let space = coding.matrix == "bt2020nc" ? "bt2020" : coding.matrix
        arguments.append(
            "scale=out_color_matrix=\(space):out_range=\(coding.range):flags=accurate_rnd+full_chroma_int+bitexact,format=\(coding.format)"
        )
        if coding.tagged { arguments += ["-colorspace", coding.matrix, "-color_range", coding.range] }
        let source = try scratch.ffmpeg("in.mkv", arguments + coding.codec)
        let image = try StillImage.read(source)
        #expect(image.height == coding.lines && image.width == 256)
        #expect(PictureTests.largestError(image) <= 2, "off by \(PictureTests.largestError(image))")
    }

    /// Eight bits come through unchanged; deeper samples pass through swscale's 15-bit YUV and back.
    @Test(arguments: [
        ("rgb24", "png", 0), ("bgr0", "ffv1", 0), ("bgra", "ffv1", 0), ("gbrp", "libx264rgb", 0),
        ("rgba", "png", 0),
        ("rgb48be", "png", 3), ("gbrp10le", "ffv1", 3),
    ])
    func rgbIsTakenAsItIs(format: String, codec: String, tolerance: Int) throws {
        let scratch = try Scratch()
        let card = try PictureTests.card(scratch)
        let encoded = format == "gbrp" ? "rgb24" : format
        let source = try scratch.ffmpeg(
            "in.mkv", ["-i", card, "-vf", "format=\(encoded)", "-c:v", codec, "-qp", "0"])
        #expect(try Probe.stream(source, "v", "pix_fmt") == format)
        let image = try StillImage.read(source)
        if tolerance == 0 { #expect(image == PictureTests.barImage(height: 64, width: 256)) }
        #expect(PictureTests.largestError(image) <= tolerance)
    }

    @Test func greyAndPaletteAndAlpha() throws {
        let scratch = try Scratch()
        let ramp = try scratch.ffmpeg(
            "ramp.png",
            ["-f", "lavfi", "-i", "color=black:size=256x16,format=gray,geq=lum=X", "-frames:v", "1"])
        let grey = try StillImage.read(ramp)
        #expect((0..<256).allSatisfy { grey[3, $0] == (UInt8($0), UInt8($0), UInt8($0)) })

        // The same ramp as limited-range gray in H.264: black at 16, white at 235.
        let limited = try scratch.ffmpeg(
            "limited.mkv",
            [
                "-i", ramp, "-vf", "format=gray,geq=lum='16+X*219/255'", "-c:v", "libx264", "-qp", "0",
                "-color_range", "tv",
            ])
        let stretched = try StillImage.read(limited)
        #expect(
            (0..<256).allSatisfy { abs(Int(stretched[3, $0].green) - $0) <= 2 },
            "\(stretched[3, 0]) \(stretched[3, 255])")

        let card = try PictureTests.card(scratch)
        let palette = scratch.file("palette.png")
        try run("convert", [card, "PNG8:\(palette)"])
        #expect(try Probe.stream(palette, "v", "pix_fmt") == "pal8")
        #expect(try StillImage.read(palette) == PictureTests.barImage(height: 64, width: 256))

        // Alpha is dropped: the colors are those stored, however transparent.
        let alpha = try scratch.ffmpeg(
            "alpha.png", ["-i", card, "-vf", "format=rgba,colorchannelmixer=aa=0.2"])
        #expect(try StillImage.read(alpha) == PictureTests.barImage(height: 64, width: 256))
    }

    /// Digital cinema stores XYZ, whose primaries and gamma are not those of any RGB.
    @Test(arguments: ["xyz12le", "xyz12be"]) func cinemaColoursAreConverted(format: String) throws {
        let scratch = try Scratch()
        let cinema = try scratch.ffmpeg(
            "cinema.nut", ["-i", try PictureTests.card(scratch), "-pix_fmt", format, "-c:v", "rawvideo"])
        #expect(PictureTests.largestError(try StillImage.read(cinema)) <= 3)
    }

    @Test func jpegFilesAreFullRangeBT601WhateverTheirSize() throws {
        let scratch = try Scratch()
        for height in [64, 1080] {
            let image = PictureTests.barImage(height: height, width: 256)
            let path = scratch.file("card\(height).jpg")
            try StillImage.write(image, to: path)
            #expect(PictureTests.largestError(try StillImage.read(path)) <= 3)
            // ImageMagick agrees on the file.
            try run("convert", [path, scratch.file("m\(height).png")])
            #expect(PictureTests.largestError(try StillImage.read(scratch.file("m\(height).png"))) <= 3)
        }
    }

    /// Chroma of 4:2:0 video sits on the left luma column of each pair; a sample at the edge between two
    /// colors must not shift the edge.
    @Test func chromaIsSitedOnTheLeft() throws {
        let scratch = try Scratch()
        // One chroma column lit: symmetric around luma column 32 when sited left, around 32.5 when centerd.
        let source = try scratch.ffmpeg(
            "in.mkv",
            [
                "-f", "lavfi", "-i",
                "color=gray:size=64x16,format=yuv420p,geq=lum=126:cb=128:cr='if(eq(X,16),200,128)'",
                "-frames:v", "1", "-c:v", "ffv1",
            ])
        let row = try StillImage.read(source)
        let reds = (0..<64).map { Int(row[8, $0].red) }
        #expect(reds[32] > reds[31] && reds[32] > reds[33])
        #expect(abs(reds[31] - reds[33]) <= 1 && abs(reds[30] - reds[34]) <= 1, "\(reds[28..<38])")
    }

    /// Read, written at the default quality, and read again: within two levels.
    @Test(arguments: ["mp4", "mov", "mkv", "webm"])
    func barsSurviveTheOutputFormat(ending: String) throws {
        let scratch = try Scratch()
        let image = PictureTests.barImage(height: 64, width: 256)
        let path = scratch.file("out.\(ending)")
        let writer = try VideoWriter.create(
            path, height: 64, width: 256, options: WriterOptions(frameRate: Rational(25, 1)))
        for frame in 0..<10 {
            try writer.write(
                image,
                at: FrameTime(ptsTicks: Int64(frame) * 512, durationTicks: 512, timeBase: Rational(1, 12_800))
            )
        }
        try writer.finish()
        let result = try readAll(path)
        #expect(result.frames.count == 10)
        for frame in result.frames {
            #expect(
                PictureTests.largestError(frame.image) <= 2,
                "off by \(PictureTests.largestError(frame.image))")
        }
        for (key, value) in [
            ("color_space", "bt709"), ("color_range", "tv"), ("color_primaries", "bt709"),
            ("color_transfer", "bt709"), ("pix_fmt", "yuv420p"),
        ] { #expect(try Probe.stream(path, "v", key) == value, "\(key)") }

        // A player that goes by the tags sees the same.
        let shown = try scratch.ffmpeg(
            "shown.png",
            ["-i", path, "-frames:v", "1", "-vf", "scale=flags=accurate_rnd+full_chroma_int,format=rgb24"])
        #expect(PictureTests.largestError(try StillImage.read(shown)) <= 2)
    }

    @Test(arguments: [0, 90, 180, 270])
    func rotationTagsAreFollowed(degrees: Int) throws {
        let scratch = try Scratch()
        // Top left red, top right green, bottom left blue, bottom right white.
        let plain = try scratch.ffmpeg(
            "plain.mp4",
            [
                "-f", "lavfi", "-i",
                "color=black:size=64x32,format=gbrp,geq=r='255*(lt(X,32)*lt(Y,16)+gte(X,32)*gte(Y,16))':g='255*gte(X,32)':b='255*gte(Y,16)'",
                "-frames:v", "3", "-pix_fmt", "yuv444p", "-c:v", "libx264", "-qp", "0",
            ])
        let turned = try scratch.ffmpeg(
            "turned.mp4", ["-i", plain, "-c", "copy", "-metadata:s:v:0", "rotate=\(degrees)"])
        let info = try VideoReader.open(turned).info
        let image = try StillImage.read(turned)
        let upright = degrees % 180 == 0
        #expect((info.height, info.width) == (upright ? 32 : 64, upright ? 64 : 32))
        // The pixels are stored as they were.
        #expect(try Probe.stream(turned, "v", "width,height").hasPrefix("64,32"))
        // ffmpeg turns by the same tag.
        let reference = try scratch.ffmpeg(
            "reference.png", ["-i", turned, "-frames:v", "1", "-pix_fmt", "rgb24"])
        let expected = try StillImage.read(reference)
        try #require((expected.height, expected.width) == (image.height, image.width))
        for row in [image.height / 4, image.height * 3 / 4] {
            for column in [image.width / 4, image.width * 3 / 4] {
                let (a, b) = (image[row, column], expected[row, column])
                #expect(abs(Int(a.red) - Int(b.red)) < 12 && abs(Int(a.green) - Int(b.green)) < 12)
                #expect(abs(Int(a.blue) - Int(b.blue)) < 12)
            }
        }
    }

    /// The eight Exif orientations, against ImageMagick.
    @Test(arguments: 1...8)
    func exifOrientationIsFollowed(orientation: Int) throws {
        let scratch = try Scratch()
        let plain = scratch.file("plain.jpg")
        var image = RGBImage(height: 32, width: 64, gray: 40)
        for row in 0..<16 { for column in 0..<32 { image[row, column] = (200, 30, 30) } }
        for row in 16..<32 { for column in 0..<32 { image[row, column] = (30, 30, 200) } }
        try StillImage.write(image, to: plain)
        // An Exif segment with the one tag, after the start marker.
        let tag: [UInt8] =
            [0xff, 0xe1, 0, 34] + Array("Exif\0\0".utf8) + Array("MM\0*".utf8) + [0, 0, 0, 8, 0, 1]
            + [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation), 0, 0, 0, 0, 0, 0]
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: plain)))
        bytes.insert(contentsOf: tag, at: 2)
        let tagged = try scratch.write(bytes, to: "tagged.jpg")
        try run("convert", [tagged, "-auto-orient", scratch.file("reference.png")])
        let (turned, expected) = (
            try StillImage.read(tagged), try StillImage.read(scratch.file("reference.png"))
        )
        try #require((turned.height, turned.width) == (expected.height, expected.width))
        #expect((turned.height, turned.width) == (orientation < 5 ? 32 : 64, orientation < 5 ? 64 : 32))
        for (row, column) in [(0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)] {
            let (y, x) = (Int(row * Double(turned.height)), Int(column * Double(turned.width)))
            #expect(abs(Int(turned[y, x].red) - Int(expected[y, x].red)) < 8)
            #expect(abs(Int(turned[y, x].blue) - Int(expected[y, x].blue)) < 8)
        }
    }

    @Test func pixelsBecomeSquare() throws {
        let scratch = try Scratch()
        for (aspect, height, width) in [
            ("2/1", 48, 128), ("1/2", 96, 64), ("16/11", 48, 93), ("1/1", 48, 64),
        ] {
            let source = try scratch.clip(
                "in.mkv", size: "64x48", frames: 3, filter: "setsar=\(aspect)", ["-c:v", "libx264"])
            let result = try readAll(source)
            #expect((result.info.height, result.info.width) == (height, width), "\(aspect)")
            #expect(result.frames[2].image.height == height && result.frames[2].image.width == width)
        }
    }

    @Test func interlacedFramesAreRebuiltOneForOne() throws {
        let scratch = try Scratch()
        // A white bar that moves eight columns a field: combs where fields are woven.
        let source = try scratch.ffmpeg(
            "in.mp4",
            [
                "-f", "lavfi", "-i",
                "color=black:size=256x64:rate=50:duration=1,format=yuv420p,geq=lum='if(between(X-N*8,0,31),235,16)':cb=128:cr=128",
                "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "libx264", "-qp",
                "0",
                "-flags", "+ildct+ilme",
            ])
        let result = try readAll(source)
        let times = try Probe.frameTimes(source)
        #expect(times.count == result.frames.count)
        #expect(zip(times, result.frames).allSatisfy { abs($0 - $1.time.seconds) < 1e-6 })
        func combs(_ image: RGBImage) -> Int {
            var count = 0
            for row in 4..<60 {
                for column in 0..<256 {
                    let (a, b, c) = (
                        image[row - 1, column].green, image[row, column].green, image[row + 1, column].green
                    )
                    if abs(Int(a) - Int(c)) < 20, abs(Int(a) - Int(b)) > 100 { count += 1 }
                }
            }
            return count
        }
        #expect(result.frames.count == 25)
        let woven = try scratch.ffmpeg(
            "woven.png", ["-i", source, "-vf", "select=eq(n\\,5)", "-frames:v", "1"])
        #expect(combs(try StillImage.read(woven)) > 300, "the source must be combed for this test")
        #expect(combs(result.frames[5].image) < 30)
    }

    @Test(arguments: [(33, 31), (1, 1), (2, 2), (3, 5), (64, 2)])
    func oddSizes(height: Int, width: Int) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.mkv", size: "128x96", frames: 4, filter: "format=gbrp,crop=\(width):\(height):20:20:exact=1",
            ["-c:v", "ffv1"])
        let result = try readAll(source)
        #expect(result.frames.count == 4)
        #expect((result.info.height, result.info.width) == (height, width))
        let output = scratch.file("out.mp4")
        let warnings = try copy(source, to: output)
        let back = try readAll(output)
        #expect(back.frames.count == 4)
        try #require((back.info.height, back.info.width) == (height + height % 2, width + width % 2))
        #expect(warnings.contains { $0.kind == .picture } == (height % 2 + width % 2 > 0))
        if height % 2 == 1 {
            // The last row is repeated, not black.
            let image = back.frames[0].image
            for column in 0..<width {
                #expect(abs(Int(image[height, column].green) - Int(image[height - 1, column].green)) < 40)
            }
        }
    }

    @Test func aChangeOfSizeKeepsTheSizeDelivered() throws {
        let scratch = try Scratch()
        let first = try scratch.clip("a.ts", size: "128x96", frames: 10, ["-c:v", "mpeg2video", "-q:v", "2"])
        let second = try scratch.clip("b.ts", size: "64x64", frames: 10, ["-c:v", "mpeg2video", "-q:v", "2"])
        var bytes = try Data(contentsOf: URL(fileURLWithPath: first))
        bytes.append(try Data(contentsOf: URL(fileURLWithPath: second)))
        let joined = try scratch.write(bytes, to: "joined.ts")
        let result = try readAll(joined)
        // (FFmpeg's MPEG-2 decoder keeps one frame to itself at the seam.)
        #expect(try result.frames.count == Probe.frameTimes(joined).count)
        try #require(result.frames.count >= 19)
        #expect(result.frames.allSatisfy { $0.image.height == 96 && $0.image.width == 128 })
        #expect(result.has(.picture) && result.has(.timestamps))
        #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
        // 64×64 into 128×96: a 96×96 picture between black bars.
        #expect(result.frames[15].image[48, 5] == (0, 0, 0))
        #expect(result.frames[15].image[48, 64] != (0, 0, 0))
    }
}
