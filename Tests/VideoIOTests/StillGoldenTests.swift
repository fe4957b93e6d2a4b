import Base
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// The pixels of still pictures are those that PIL gives (`make_stills.py`).
@Suite struct StillGoldenTests {
    static let folder = Fixtures.golden("stills").path
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".rgb") }.map { String($0.dropLast(4)) }.sorted()

    static func expected(_ name: String) throws -> RGBImage {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).rgb")))
        let height = Int(bytes[0]) | Int(bytes[1]) << 8
        let width = Int(bytes[2]) | Int(bytes[3]) << 8
        try #require(bytes.count == 4 + height * width * 3)
        return RGBImage(height: height, width: width) { pixels in
            for place in pixels.indices { pixels[place] = bytes[4 + place] }
        }
    }

    /// How far a sample may be off: video codecs' chroma and rounding are swscale's and the decoder's.
    static func tolerance(_ name: String) -> Int {
        if name.hasSuffix(".avif") { return 3 }
        return name == "inks.tif" ? 1 : 0
    }

    @Test func goldensAreThere() { #expect(Self.names.count == 77) }

    @Test(arguments: names) func pixelsAreThoseOfPIL(name: String) throws {
        var isRight = false
        defer { RobustnessTable.count("media: still pictures as PIL reads them", passed: isRight ? 1 : 0) }
        let expected = try Self.expected(name)
        let result = try readAll("\(Self.folder)/\(name)", ReaderOptions(isStrict: true))
        #expect(result.frames.count == 1 && result.warnings == [], "\(result.warnings)")
        let image = result.frames[0].image
        try #require((image.height, image.width) == (expected.height, expected.width))
        let worst = zip(image.bytes, expected.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(worst <= Self.tolerance(name), "\(name) is off by \(worst)")
        isRight = result.warnings == [] && worst <= Self.tolerance(name)
    }

    /// As a picture of a sequence, and through a pipe.
    @Test(arguments: ["420.jpg", "420-progressive.jpg", "ycck.jpg", "turned6.jpg", "turned6.png"])
    func sequencesAndPipesGiveTheSame(name: String) throws {
        let scratch = try Scratch()
        let expected = try Self.expected(name)
        for number in 0..<2 {
            try FileManager.default.copyItem(
                atPath: "\(Self.folder)/\(name)", toPath: scratch.file("f\(number).jpg"))
        }
        let sequence = try readAll(scratch.file("f%d.jpg"), ReaderOptions(isStrict: true))
        #expect(sequence.frames.map(\.image) == [expected, expected])
        let pipe = scratch.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = ["-c", "cat '\(Self.folder)/\(name)' > '\(pipe)'"]
        try writer.run()
        #expect(try readAll(pipe).frames.map(\.image) == [expected])
        writer.waitUntilExit()
    }

    /// Gray of 16 bits, which PIL cuts off at 255, becomes gray of 8 by its upper byte like color.
    @Test(arguments: ["png", "tif", "pgm"]) func deepGrayIsNarrowedLikeColor(ending: String) throws {
        let scratch = try Scratch()
        let path = try scratch.ffmpeg(
            "deep.\(ending)",
            [
                "-f", "lavfi", "-i", "color=black:size=256x4,format=gray16le,geq=lum='X*257'", "-frames:v",
                "1",
            ])
        let image = try StillImage.read(path)
        #expect((0..<256).allSatisfy { image[2, $0] == (UInt8($0), UInt8($0), UInt8($0)) })
    }

    /// Damage leaves the rows before it, and is told.
    @Test(arguments: ["420.jpg", "420-progressive.jpg", "gray.jpg", "cmyk.jpg", "restart.jpg"])
    func damagedJPEGsAreReadInPart(name: String) throws {
        let scratch = try Scratch()
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(name)")))
        for percent in stride(from: 2, through: 98, by: 4) {
            let cut = try scratch.write(bytes.prefix(bytes.count * percent / 100), to: "cut.jpg")
            do {
                let result = try readAll(cut)
                #expect(result.frames.count == 1 && result.has(.damage), "\(percent) %")
            } catch let error as VitvideoError { #expect(error.kind == .badData) }
            #expect(failure { try readAll(cut, ReaderOptions(isStrict: true)) }?.kind == .badData)
        }
        let most = try readAll(scratch.write(bytes.prefix(bytes.count * 9 / 10), to: "most.jpg"))
        let (image, whole) = (most.frames[0].image, try Self.expected(name))
        #expect((0..<whole.width).allSatisfy { image[0, $0] == whole[0, $0] } || name.contains("progressive"))
        // Bits flipped in the data: a picture or an error, whatever they say.
        var generator = SplitMix64(seed: 11)
        for _ in 0..<40 {
            var broken = bytes
            for _ in 0..<3 {
                let place = Int.random(in: 2..<broken.count, using: &generator)
                broken[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
            }
            do {
                _ = try readAll(scratch.write(broken, to: "broken.jpg"))
            } catch let error as VitvideoError { #expect(error.kind == .badData) }
        }
    }

    /// A header that promises a picture of 65,000 by 65,000 in a few bytes is not believed.
    @Test func sizesThatLieAreRefused() throws {
        let scratch = try Scratch()
        for name in ["420.jpg", "420-progressive.jpg"] {
            var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(name)")))
            let frame = try #require(
                bytes.indices.dropLast(8).first { bytes[$0] == 0xff && [0xc0, 0xc2].contains(bytes[$0 + 1]) })
            bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xfd, 0xe8, 0xfd, 0xe8])
            #expect(failure { try readAll(scratch.write(bytes, to: "lie.jpg")) }?.kind == .badData)
        }
    }
}
