import Base
import Files
import Fixtures
import Foundation
import Testing

@testable import NumPy

@Suite("Writing NumPy archives")
struct NPZWriterTests {
    let directory: TemporaryDirectory
    var path: String { directory.file("maps.npz") }

    init() throws { directory = try TemporaryDirectory() }

    /// The two bytes at the end of an entry's mode in the archive's directory: a regular file, 0644.
    @Test("unpacked entries are files that their owner may write")
    func entryModes() throws {
        let writer = try NPZWriter(path, overwrite: false)
        try writer.add("a", shape: [1], [Float(1)])
        try writer.finish()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let place = try #require(
            bytes.indices.dropLast(46).first { bytes[$0..<$0 + 4] == [0x50, 0x4b, 1, 2] })
        let attributes = bytes[place + 38..<place + 42].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(attributes >> 16 == 0o100644)
    }

    @Test("growing arrays, whole arrays and text come back as they went in")
    func roundTrip() throws {
        let writer = try NPZWriter(path, overwrite: false)
        let attention = try writer.array(named: "attention", element: .float32, rowShape: [2, 3])
        let frames = try writer.array(named: "frame", element: .int64, rowShape: [])
        let times = try writer.array(named: "time", element: .float64, rowShape: [])
        try writer.add("pi", shape: [], [Float(3.25)])
        try writer.add("grid", shape: [2, 2], [1, 2, 3, Int64.max])
        try writer.add("meta", text: "{\"model\": \"ü🦊\"}")
        try writer.add("nothing", text: "")
        for frame in 0..<5 {
            try attention.append((0..<6).map { Float(frame * 6 + $0) })
            try frames.append([Int64(frame) << 40])
            try times.append([Double(frame) / 25])
        }
        try attention.append((0..<12).map { Float(30 + $0) })
        #expect(attention.rowCount == 7)
        #expect(try directory.contents == [], "spools have no names")
        try writer.finish()
        #expect(try directory.contents == ["maps.npz"])

        let reader = try NPZReader(path)
        #expect(reader.names == ["attention", "frame", "time", "pi", "grid", "meta", "nothing"])
        #expect(try reader.array("attention").shape == [7, 2, 3])
        #expect(try reader.array("attention").floats() == (0..<42).map(Float.init))
        #expect(try reader.array("frame").int64s() == (0..<5).map { Int64($0) << 40 })
        #expect(try reader.array("time").doubles() == (0..<5).map { Double($0) / 25 })
        #expect(try reader.array("pi").shape == [])
        #expect(try reader.array("pi").floats() == [3.25])
        #expect(try reader.array("grid").int64s() == [1, 2, 3, Int64.max])
        #expect(try reader.array("meta").shape == [])
        #expect(try reader.array("meta").strings() == ["{\"model\": \"ü🦊\"}"])
        #expect(try reader.array("nothing").strings() == [""])
    }

    /// NumPy's format specification, version 1.0: magic, version, length, literal ending in a line feed, the whole
    /// a multiple of 64 bytes; zip stores the entries uncompressed, so they can be found in the file's bytes.
    @Test("the bytes follow the .npy specification")
    func bytes() throws {
        let writer = try NPZWriter(path, overwrite: false)
        let rows = try writer.array(named: "a", element: .float32, rowShape: [2])
        for row in 0..<1000 { try rows.append([Float(row), -Float(row)]) }
        try writer.finish()
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = try #require(file.range(of: Data([0x93] + Array("NUMPY".utf8)))).lowerBound
        #expect(Array(file[(start + 6)..<(start + 8)]) == [1, 0])
        let length = Int(file[start + 8]) | Int(file[start + 9]) << 8
        #expect((10 + length) % 64 == 0)
        let header = String(decoding: file[(start + 10)..<(start + 10 + length)], as: UTF8.self)
        #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 2), }"))
        #expect(header.hasSuffix("\n"))
        let data = file[(start + 10 + length)..<(start + 10 + length + 8000)]
        #expect(
            data.prefix(16).elementsEqual([0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf]))
        #expect(Array(file[..<4]) == [0x50, 0x4b, 3, 4])
        #expect(Array(file[8..<10]) == [0, 0], "stored")
    }

    @Test("equal arrays give equal files")
    func reproducible() throws {
        for name in ["a.npz", "b.npz"] {
            let writer = try NPZWriter(directory.file(name), overwrite: false)
            try writer.add("x", shape: [3], [Float(1), 2, 3])
            try writer.add("meta", text: "same")
            try writer.finish()
        }
        #expect(
            try ContentHash.sha256(ofFile: directory.file("a.npz"))
                == ContentHash.sha256(ofFile: directory.file("b.npz")))
    }

    @Test("an array without rows is an empty array")
    func noRows() throws {
        let writer = try NPZWriter(path, overwrite: false)
        _ = try writer.array(named: "a", element: .float32, rowShape: [4, 5])
        try writer.finish()
        #expect(try NPZReader(path).array("a").shape == [0, 4, 5])
        #expect(try NPZReader(path).array("a").floats() == [])
    }

    @Test("an existing file is refused without overwrite, and replaced as a whole with it")
    func overwriting() throws {
        try directory.write("old".utf8, to: "maps.npz")
        let error = #expect(throws: VitvideoError.self) { try NPZWriter(path, overwrite: false) }
        #expect(error?.kind == .cannotCreate)
        let writer = try NPZWriter(path, overwrite: true)
        try writer.add("x", shape: [1], [Float(1)])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
        try writer.finish()
        #expect(try NPZReader(path).array("x").floats() == [1])
        #expect(try directory.contents == ["maps.npz"])
    }

    @Test("a file that appears meanwhile is not overwritten, and nothing else is left")
    func lateComer() throws {
        let writer = try NPZWriter(path, overwrite: false)
        try writer.add("x", shape: [1], [Float(1)])
        try directory.write("other".utf8, to: "maps.npz")
        let error = #expect(throws: VitvideoError.self) { try writer.finish() }
        #expect(error?.kind == .cannotCreate)
        #expect(try directory.contents == ["maps.npz"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("other".utf8))
    }

    @Test("of two archives for one name the first keeps it")
    func collision() throws {
        let writers = try (0..<2).map { _ in try NPZWriter(path, overwrite: false) }
        for (number, writer) in writers.enumerated() { try writer.add("a", shape: [1], [Float(number)]) }
        try writers[0].finish()
        #expect(throws: VitvideoError.self) { try writers[1].finish() }
        #expect(try NPZReader(path).array("a").floats() == [0])
        #expect(try directory.contents == ["maps.npz"])
    }

    @Test("what a killed process left beside an output is removed by the next that writes there")
    func abandoned() throws {
        for name in [".vitvideo-1-a.tmp", ".vitvideo-1-a.tmp.zip", ".vitvideo-1-b.tmp.zip.XyZ123"] {
            try directory.write([1], to: name)
        }
        let writer = try NPZWriter(path, overwrite: false)
        #expect(try directory.contents == [])
        try writer.add("a", shape: [1], [Float(1)])
        try writer.finish()
        #expect(try directory.contents == ["maps.npz"])
    }

    @Test("permissions follow the umask, whatever libzip makes of them")
    func permissions() throws {
        let writer = try NPZWriter(path, overwrite: false)
        try writer.add("a", shape: [1], [Float(1)])
        try writer.finish()
        let plain = try directory.write([1], to: "plain")
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(path) == mode(plain))
    }

    @Test("finishing under another name, giving up, and forgetting the writer")
    func otherEnds() throws {
        var writer: NPZWriter? = try NPZWriter(path, overwrite: false)
        try writer?.add("x", shape: [1], [Float(1)])
        try writer?.finish(as: directory.file("maps.partial.npz"))
        #expect(try directory.contents == ["maps.partial.npz"])

        writer = try NPZWriter(path, overwrite: false)
        let rows = try writer?.array(named: "x", element: .float32, rowShape: [])
        writer?.abandon()
        #expect(throws: VitvideoError.self) { try rows?.append([Float(1)]) }
        #expect(throws: VitvideoError.self) { try writer?.finish() }

        writer = try NPZWriter(path, overwrite: false)
        try writer?.add("x", shape: [1], [Float(1)])
        writer = nil
        #expect(try directory.contents == ["maps.partial.npz"])
    }

    @Test("wrong types, broken rows, names twice and a directory that is not there are errors")
    func misuse() throws {
        let writer = try NPZWriter(path, overwrite: false)
        let rows = try writer.array(named: "a", element: .float32, rowShape: [2])
        #expect(throws: VitvideoError.self) { try rows.append([Float(1), 2, 3]) }
        #expect(throws: VitvideoError.self) { try rows.append([1.0, 2.0] as [Double]) }
        #expect(throws: VitvideoError.self) {
            try writer.array(named: "a", element: .float32, rowShape: [])
        }
        #expect(throws: VitvideoError.self) {
            try writer.array(named: "b", element: .float32, rowShape: [0])
        }
        #expect(throws: VitvideoError.self) {
            try writer.array(named: "b", element: .float32, rowShape: [1 << 40, 1 << 40])
        }
        #expect(throws: VitvideoError.self) { try writer.add("c", shape: [2], [Float(1)]) }
        for path in [directory.path, directory.file("absent/maps.npz")] {
            let error = #expect(throws: VitvideoError.self) { try NPZWriter(path, overwrite: true) }
            #expect(error?.kind == .cannotCreate)
        }
    }
}
