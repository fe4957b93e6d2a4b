import Base
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Masks in picture files: the indices are those that PIL gives and takes (`golden_scripts/masks.py`).
@Suite struct MaskTests {
    static let folder = Fixtures.golden("masks").path
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".png") }.sorted()

    static func expected(_ name: String) throws -> IndexMask {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).idx")))
        let height = Int(bytes[0]) | Int(bytes[1]) << 8
        let width = Int(bytes[2]) | Int(bytes[3]) << 8
        try #require(bytes.count == 4 + height * width)
        return IndexMask(height: height, width: width, indices: Array(bytes[4...]))
    }

    private static func palette() throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/palette.rgb")))
    }

    /// The chunks of a PNG file, each its name and data.
    private static func chunks(_ file: [UInt8]) -> [(name: String, data: [UInt8])] {
        var chunks: [(String, [UInt8])] = []
        var place = 8
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            let name = String(decoding: file[place + 4..<place + 8], as: UTF8.self)
            chunks.append((name, Array(file[place + 8..<place + 8 + length])))
            place += 12 + length
        }
        return chunks
    }

    @Test func goldensAreThere() { #expect(Self.names.count == 19) }

    @Test(arguments: names) func indicesAreThoseOfPIL(name: String) throws {
        #expect(try MaskPicture.read("\(Self.folder)/\(name)") == Self.expected(name))
    }

    @Test func thePaletteIsThatOfDAVIS() throws {
        #expect(try DAVISPalette.bytes == Self.palette())
        #expect(DAVISPalette.color(of: 1) == (128, 0, 0) && DAVISPalette.color(of: 2) == (0, 128, 0))
        #expect(DAVISPalette.color(of: 255) == (224, 224, 192))
    }

    /// Eight bits a pixel, all 256 colors, opaque, and nothing else that a reader could heed; twice the same bytes.
    @Test func filesHoldIndicesAndPalette() throws {
        let mask = try Self.expected("indexed8.png")
        let file = try MaskPicture.pngBytes(mask)
        let chunks = Self.chunks(file)
        #expect(Set(chunks.map(\.name)) == ["IHDR", "pHYs", "PLTE", "IDAT", "IEND"])
        // Square pixels.
        #expect(chunks.first { $0.name == "pHYs" }?.data == [0, 0, 0, 1, 0, 0, 0, 1, 0])
        #expect(chunks[0].data == [0, 0, 0, 37, 0, 0, 0, 23, 8, 3, 0, 0, 0])
        #expect(try chunks.first { $0.name == "PLTE" }?.data == Self.palette())
        #expect(try MaskPicture.pngBytes(mask) == file)
    }

    /// What is written is what is read, by this program and by FFmpeg's, whatever the size.
    @Test(arguments: [(1, 1), (1, 300), (257, 3), (64, 64), (241, 427)])
    func masksComeBack(height: Int, width: Int) throws {
        var generator = SplitMix64(seed: UInt64(height))
        let mask = IndexMask(
            height: height, width: width,
            indices: (0..<height * width).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let scratch = try Scratch()
        let path = try scratch.write(MaskPicture.pngBytes(mask), to: "mask.png")
        #expect(try MaskPicture.read(path) == mask)
        let image = try StillImage.read(path)
        let palette = try Self.palette()
        #expect(
            image.bytes == mask.indices.flatMap { palette[Int($0) * 3..<Int($0) * 3 + 3] })
    }

    @Test func aSingleFileHoldsOneMask() throws {
        let scratch = try Scratch()
        let mask = try Self.expected("davis.png")
        let writer = try MaskWriter(scratch.file("mask.png"))
        try writer.write(mask)
        #expect(failure { try writer.write(mask) }?.reason == "it holds one picture")
        #expect(!FileManager.default.fileExists(atPath: scratch.file("mask.png")))
        try writer.finish()
        #expect(try MaskPicture.read(scratch.file("mask.png")) == mask)
        #expect(failure { try MaskWriter(scratch.file("mask.png")) }?.nextStep == .overwrite)
        #expect(failure { try MaskWriter(scratch.file("mask.jpg")) }?.kind == .usage)
        let partial = try MaskWriter(scratch.file("other.png"))
        try partial.write(mask)
        #expect(try partial.finishPartial() == scratch.file("other.partial.png"))
        #expect(try MaskPicture.read(scratch.file("other.partial.png")) == mask)
    }

    /// Numbers begin at 1; sizes may change; what is abandoned is gone, and what is there is kept.
    @Test func numberedFilesHoldAMaskEach() throws {
        let scratch = try Scratch()
        let pattern = scratch.file("m-%03d.png")
        let masks = try ["davis.png", "turned.png", "gray.png"].map(Self.expected)
        let writer = try MaskWriter(pattern)
        for mask in masks { try writer.write(mask) }
        #expect(try writer.finishPartial() == pattern)
        for (number, mask) in masks.enumerated() {
            #expect(try MaskPicture.read(scratch.file("m-00\(number + 1).png")) == mask)
        }
        let taken = try #require(failure { try MaskWriter(pattern) })
        #expect(taken.nextStep == .overwrite && "\(taken.path ?? "") \(taken.reason)".contains("m-001.png"))
        let abandoned = try MaskWriter(scratch.file("n-%d.png"))
        try abandoned.write(masks[0])
        abandoned.abandon()
        #expect(failure { try MaskWriter(scratch.file("e-%d.png")).finish() }?.kind == .badData)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
                == ["m-001.png", "m-002.png", "m-003.png"])
    }

    /// A file that is no whole mask is one error that names it.
    @Test func damageIsRefused() throws {
        let scratch = try Scratch()
        let whole = try MaskPicture.pngBytes(try Self.expected("davis.png"))
        for count in stride(from: 0, to: whole.count - 12, by: 7) {
            let path = try scratch.write(whole.prefix(count), to: "cut.png")
            let error = failure { try MaskPicture.read(path) }
            #expect(error?.kind == .badData && error?.path == path, "\(count): \(String(describing: error))")
        }
        // A flipped bit is found, or changes nothing that counts, or gives another mask; it never ends the process.
        var generator = SplitMix64(seed: 3)
        for _ in 0..<200 {
            var broken = whole
            let place = Int.random(in: 0..<broken.count, using: &generator)
            broken[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
            let path = try scratch.write(broken, to: "broken.png")
            if let error = failure({ try MaskPicture.read(path) }) {
                #expect([.badData, .noInput, .unavailable].contains(error.kind), "\(error)")
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(failure { try MaskPicture.read(scratch.file("none.png")) }?.kind == .noInput)
        #expect(failure { try MaskPicture.read(scratch.path) }?.kind == .noInput)
    }

    /// Pictures that are no masks: sixteen bits a sample, a photograph, a film.
    @Test func whatIsNoMaskIsRefused() throws {
        let scratch = try Scratch()
        let source = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5", "-frames:v"]
        let deep = try scratch.ffmpeg("deep.png", source + ["1", "-pix_fmt", "gray16be"])
        #expect(failure { try MaskPicture.read(deep) }?.reason.contains("16 bits") == true)
        let photo = try scratch.ffmpeg("photo.jpg", source + ["1", "-vf", "noise=alls=40"])
        #expect(failure { try MaskPicture.read(photo) }?.reason.contains("more than 255 colours") == true)
        let film = try scratch.ffmpeg("film.mkv", source + ["3", "-c:v", "ffv1"])
        #expect(
            failure { try MaskPicture.read(film) }?.reason == "it holds several pictures, and a mask is one")
    }

    @Test func masksOfOtherFormatsAreRead() throws {
        let scratch = try Scratch()
        let mask = try Self.expected("davis.png")
        for ending in ["bmp", "tif", "ppm"] {
            let path = try scratch.ffmpeg(
                "mask.\(ending)", ["-i", "\(Self.folder)/davis.png", "-pix_fmt", "rgb24"])
            #expect(try MaskPicture.read(path) == mask, "\(ending)")
        }
    }
}
