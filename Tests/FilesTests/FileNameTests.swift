import Base
import Files
import Fixtures
import Foundation
import Testing

/// Names of files, whatever their bytes.
@Suite struct FileNameTests {
    /// Letters, broken and cut sequences, surrogates, overlong forms, and scalars that mean bytes in `FileName`.
    static let names: [[UInt8]] = [
        Array("dog.mp4".utf8), Array("d\u{F6}g \u{1F415} %d.mp4".utf8), Array("o\u{301}.png".utf8),
        [0x63, 0x61, 0x66, 0xE9, 0x2E, 0x70, 0x6E, 0x67], [0xFF], [0x80, 0xBF], [0xC3], [0xE2, 0x82],
        [0xF0, 0x9F, 0x90], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80],
        Array("\u{10FF80}\u{10FFE9}\u{10FFFF}".utf8), Array("\u{10FF7F}\u{E000}".utf8),
        [0xE9] + Array("\u{10FFE9}".utf8),
    ]

    @Test(arguments: names) func bytesComeBack(_ name: [UInt8]) {
        #expect(FileName.bytes(of: FileName.text(of: name)) == name)
    }

    /// Random bytes, most of them of the kinds that UTF-8 is made of.
    @Test func bytesOfAnyKindComeBack() {
        var random = SplitMix64(seed: 16)
        for _ in 0..<20_000 {
            let name = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                [
                    0x2E, 0x61, 0x80, 0x8F, 0xBF, 0xC3, 0xE2, 0xF0, 0xF4,
                    UInt8.random(in: 1...255, using: &random),
                ]
                .randomElement(using: &random)!
            }
            let text = FileName.text(of: name)
            #expect(FileName.bytes(of: text) == name)
            #expect(!FileName.shown(text).unicodeScalars.contains { $0.value >= 0x10FF80 })
        }
    }

    @Test func differentNamesDiffer() {
        #expect(Set(Self.names.map { Array(FileName.text(of: $0).utf8) }).count == Self.names.count)
    }

    @Test func peopleSeeTheBytes() {
        let text = FileName.text(of: [0x63, 0xE9, 0x2E, 0x1B])
        #expect(FileName.shown(text) == "c\\xE9.\u{1B}")
        #expect(quoted(text) == "'c\\xE9.\\u{001B}'" || quoted(text) == "'c\\xE9.\\u{1B}'")
    }

    @Test func partsAreCutAtBytes() {
        #expect("a/\u{301}b.tar.GZ".lastPathPart.utf8.elementsEqual("\u{301}b.tar.GZ".utf8))
        #expect("a/\u{301}b.tar.GZ".parentPath == "a" && "a/\u{301}b.tar.GZ".pathExtension == "gz")
        #expect("b".parentPath == "." && "/b".parentPath == "/" && "x.y/b".pathExtension == "")
        #expect("x.y/b".insertingBeforeExtension("-1") == "x.y/b-1")
        #expect("x.y/b.c".insertingBeforeExtension("-1") == "x.y/b-1.c" && "x/b.c".pathStem == "b")
    }

    @Test func theSystemIsAskedForTheBytes() throws {
        let folder = try TemporaryDirectory()
        for name in Self.names {
            let path = folder.path + "/" + FileName.text(of: name)
            let file = try AtomicFile(path, overwrite: false)
            try file.write("text")
            try file.commit()
            #expect(FileSystem.text(of: path) == "text")
        }
        #expect(
            Set(try #require(FileSystem.names(in: folder.path)).map { FileName.bytes(of: $0) })
                == Set(Self.names))
        let deep = folder.path + "/" + FileName.text(of: [0xE9]) + "/a"
        try FileSystem.makeDirectories(deep + "/b")
        #expect(FileSystem.tree(in: deep.parentPath) == ["a", "a/b"])
        FileSystem.removeTree(deep.parentPath)
        #expect(!FileSystem.exists(deep.parentPath))
    }
}
