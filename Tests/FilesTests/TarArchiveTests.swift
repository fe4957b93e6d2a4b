import Base
import Files
import Fixtures
import Testing

@Suite struct TarArchiveTests {
    private func entries(_ bytes: [UInt8]) throws -> [(name: String, content: String)] {
        try bytes.withUnsafeBytes { raw in
            try TarArchive(raw).entries.map { entry in
                (entry.name, String(decoding: raw[entry.bytes], as: UTF8.self))
            }
        }
    }

    @Test func filesAreGivenWithTheirFolders() throws {
        var builder = TarBuilder()
        builder.add("data/", [], kind: "5")
        builder.add("data/a", Array("first".utf8))
        builder.add("b", Array(repeating: UInt8(ascii: "x"), count: 512), folders: "data/deep")
        builder.add("empty", [])
        for isClosed in [true, false] {
            let entries = try entries(builder.archive(isClosed: isClosed))
            #expect(entries.map(\.name) == ["data/a", "data/deep/b", "empty"])
            #expect(entries[0].content == "first" && entries[1].content.count == 512)
        }
        #expect(builder.archive().withUnsafeBytes(TarArchive.looksLikeOne))
    }

    @Test func longNamesAreThoseOfGNUAndPax() throws {
        let long = String(repeating: "long/", count: 40) + "é.png"
        var builder = TarBuilder()
        builder.add("././@LongLink", Array(long.utf8) + [0], kind: "L", folders: nil)
        builder.add(String(long.prefix(99)), Array("gnu".utf8), folders: nil)
        let record = "path=\(long)\n"
        // The length counts its own digits.
        let header = "\(record.utf8.count + 4) \(record)"
        builder.add("PaxHeader", Array(header.utf8), kind: "x")
        builder.add("short", Array("pax".utf8))
        builder.add("next", Array("own".utf8), folders: nil)
        let entries = try entries(builder.archive())
        #expect(entries.map(\.name) == [long, long, "next"])
        #expect(entries.map(\.content) == ["gnu", "pax", "own"])
    }

    @Test func sizesMayBeBinary() throws {
        var builder = TarBuilder()
        builder.add("a", Array("12345".utf8), size: [0x80] + [UInt8](repeating: 0, count: 10) + [5])
        #expect(try entries(builder.archive()).map(\.content) == ["12345"])
    }

    @Test func damageIsTold() throws {
        var sum = TarBuilder()
        sum.add("a", Array("1".utf8), damagesSum: true)
        #expect(throws: VitvideoError.self) { try entries(sum.archive()) }
        for size in [
            Array("00000007777\0".utf8), Array("99999999999\0".utf8), [UInt8](repeating: 0xff, count: 12),
        ] {
            var builder = TarBuilder()
            builder.add("a", Array("1".utf8), size: size)
            #expect(throws: VitvideoError.self) { try entries(builder.archive()) }
        }
        for header in ["3 p", "99 path=a\n", "path=a\n", "8 path a", "18446744073709551616 path=a\n"] {
            var builder = TarBuilder()
            builder.add("PaxHeader", Array(header.utf8), kind: "x")
            builder.add("a", [])
            #expect(throws: VitvideoError.self, "\(header)") { try entries(builder.archive()) }
        }
        #expect(try entries([]).isEmpty)
        #expect(try entries([UInt8](repeating: 0, count: 511)).isEmpty)
    }
}
