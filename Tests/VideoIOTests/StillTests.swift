import Base
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Still pictures: all pages, upright.
@Suite struct StillTests {
    /// A TIFF file of five pages of gray 10, 50, 90, 130 and 170.
    static func pages(_ scratch: Scratch, _ options: [String] = []) throws -> String {
        let pages = try (0..<5).map { page in
            let path = scratch.file("page\(page).png")
            try StillImage.write(
                RGBImage(height: 20, width: 30, gray: UInt8(10 + page * 40)), to: path, overwrite: true)
            return path
        }
        try run("convert", pages + options + [scratch.file("pages.tif")])
        return scratch.file("pages.tif")
    }

    static func grays(_ result: ReadResult) -> [UInt8] { result.frames.map { $0.image[9, 9].green } }

    @Test(arguments: [[], ["-compress", "lzw"], ["-endian", "msb"], ["-type", "truecolor"]])
    func allPagesOfATIFFAreFrames(options: [String]) throws {
        let scratch = try Scratch()
        let path = try Self.pages(scratch, options)
        let result = try readAll(path)
        #expect(Self.grays(result) == [10, 50, 90, 130, 170] && result.warnings == [], "\(result.warnings)")
        #expect(result.indices == [0, 1, 2, 3, 4] && !result.info.isStill)
        #expect(result.info.expectedFrameCount == 5)
        #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
        #expect(try Self.grays(readAll(path, slice: "-2:")) == [130, 170])
        #expect(try Self.grays(readAll(path, slice: "1:4:2")) == [50, 130])
        let single = try scratch.clip("one.tif", frames: 1, [])
        let one = try readAll(single)
        #expect(one.info.isStill && one.frames.count == 1 && one.info.expectedFrameCount == 1)
    }

    @Test func pagesOfOtherSizesAreFittedAndDamageIsTold() throws {
        let scratch = try Scratch()
        let path = try Self.pages(scratch, ["-compress", "none"])
        try StillImage.write(RGBImage(height: 40, width: 30, gray: 99), to: scratch.file("tall.png"))
        try run("convert", [path, scratch.file("tall.png"), scratch.file("mixed.tif")])
        let mixed = try readAll(scratch.file("mixed.tif"))
        #expect(mixed.frames.count == 6 && mixed.has(.picture) && mixed.frames[5].image[10, 15].red == 99)

        // The last page's directory leads back to the first one.
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        var place = 4
        for _ in 0..<5 {
            let offset = Int(bytes[place]) | Int(bytes[place + 1]) << 8 | Int(bytes[place + 2]) << 16
            place = offset + 2 + (Int(bytes[offset]) | Int(bytes[offset + 1]) << 8) * 12
        }
        #expect(bytes[place..<place + 4] == [0, 0, 0, 0])
        bytes.replaceSubrange(place..<place + 4, with: bytes[4..<8])
        #expect(try readAll(scratch.write(bytes, to: "ring.tif")).frames.count == 5)

        // The third page's pixels are said to lie beyond the end.
        place = 4
        for _ in 0..<2 {
            let offset = Int(bytes[place]) | Int(bytes[place + 1]) << 8 | Int(bytes[place + 2]) << 16
            place = offset + 2 + (Int(bytes[offset]) | Int(bytes[offset + 1]) << 8) * 12
        }
        let third = Int(bytes[place]) | Int(bytes[place + 1]) << 8 | Int(bytes[place + 2]) << 16
        let entry = try #require(
            stride(from: third + 2, to: third + 400, by: 12).first { bytes[$0] == 0x11 && bytes[$0 + 1] == 1 }
        )
        bytes.replaceSubrange(entry + 8..<entry + 12, with: [0, 0, 0xff, 0x7f])
        let broken = try scratch.write(bytes, to: "broken.tif")
        let result = try readAll(broken)
        #expect(result.frames.count == 4 && result.has(.damage), "\(result.warnings)")
        #expect(failure { try readAll(broken, ReaderOptions(isStrict: true)) }?.kind == .badData)
    }

    /// What FFmpeg decodes to other pictures, without an error, is refused or put right.
    @Test func whatFFmpegReadsWrongIsRefusedOrPutRight() throws {
        let scratch = try Scratch()
        let card = scratch.file("card.png")
        try StillImage.write(PictureTests.barImage(height: 64, width: 256), to: card)
        let refused: [(String, [String])] = [
            ("jpeg.tif", ["-compress", "jpeg"]),
            ("jpegcmyk.tif", ["-colorspace", "CMYK", "-compress", "jpeg"]),
            ("tiles.tif", ["-define", "tiff:tile-geometry=32x32"]),
        ]
        for (name, options) in refused {
            try run("convert", [card] + options + [scratch.file(name)])
            let error = failure { try readAll(scratch.file(name)) }
            #expect(error?.kind == .badData && error?.nextStep != nil, "\(name)")
            #expect(error?.description.contains(scratch.file(name)) == true)
        }
        let right: [(String, [String])] = [
            ("ink.tif", ["-colorspace", "CMYK"]), ("deepink.tif", ["-colorspace", "CMYK", "-depth", "16"]),
            ("planes.tif", ["-interlace", "plane"]),
            ("planeink.tif", ["-colorspace", "CMYK", "-interlace", "plane"]),
            ("ink.jpg", ["-colorspace", "CMYK", "-quality", "95"]), ("ycc.tif", ["-colorspace", "YCbCr"]),
            ("deep.tif", ["-depth", "16", "-type", "truecolor"]),
        ]
        for (name, options) in right {
            try run("convert", [card] + options + [scratch.file(name)])
            let image = try StillImage.read(scratch.file(name))
            #expect(PictureTests.largestError(image) <= 3, "\(name): \(PictureTests.largestError(image))")
        }
    }

    /// The smaller copies that a pyramid holds, and masks, are no pages.
    @Test func smallerCopiesAreNoPages() throws {
        let scratch = try Scratch()
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Self.pages(scratch))))
        // NewSubfileType of the second and of the fourth page: a smaller copy, a mask.
        let types = bytes.indices.dropLast(12).filter {
            Array(bytes[$0..<$0 + 12]) == [0xfe, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0]
        }
        try #require(types.count == 5)
        bytes[types[1] + 8] = 1
        bytes[types[3] + 8] = 4
        let result = try readAll(scratch.write(bytes, to: "pyramid.tif"))
        #expect(Self.grays(result) == [10, 90, 170] && result.warnings == [])
    }
}
