import Base
import Fixtures
import Foundation
import Testing

@testable import Archives
@testable import Checkpoints
@testable import Files

/// What goes into an archive comes out of it, in every format.
@Suite struct FormatTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// An archive as an export has them, of two models.
    private func fill(
        _ archive: any ArrayArchive, rows: Int, _ number: ArchiveNumber, atOnce: Int = 1
    ) throws {
        let maps = try archive.array(
            ArchivedArray(
                "attention.a.b_c", number.element, dimensions: ["frame", "head", "row"], rowShape: [2, 3]))
        let values = try archive.array(ArchivedArray("norm", number.element, dimensions: ["frame"]))
        let frames = try archive.array(
            ArchivedArray("frame", .int64, dimensions: ["frame"], isCoordinate: true))
        let times = try archive.array(
            ArchivedArray("time", .float64, dimensions: ["frame"], unit: "s", isCoordinate: true))
        try archive.add("meta", text: "{\"model\":\"ü🦊\\n\"}\t\u{1}")
        for start in stride(from: 0, to: rows, by: atOnce) {
            let piece = start..<min(rows, start + atOnce)
            try maps.append(piece.flatMap { Self.map($0) })
            try values.append(piece.map { Float($0) / 3 })
            try frames.append(piece.map { Int64($0) << 40 })
            try times.append(piece.map { Double($0) / 25 })
        }
        #expect([maps, values, frames, times].allSatisfy { $0.rowCount == rows })
    }

    private static func map(_ row: Int) -> [Float] { (0..<6).map { Float(row * 6 + $0) / 7 } }

    @Test(arguments: ArchiveFormat.allCases, ArchiveNumber.allCases)
    func everythingComesBack(_ format: ArchiveFormat, _ number: ArchiveNumber) throws {
        for rows in [0, 1, 5, 1023, 1024, 1025, 2500] {
            let path = directory.file("maps.\(format.rawValue)")
            let archive = try ArchiveFormat.create(path, overwrite: true)
            try fill(archive, rows: rows, number)
            try archive.finish(as: nil)
            let found = try Contents(path)

            #expect(Set(found.arrays.keys) == ["attention.a.b_c", "norm", "frame", "time"])
            #expect(found.arrays["attention.a.b_c"]?.shape == [rows, 2, 3])
            #expect(found.arrays["norm"]?.shape == [rows])
            let (maps, values) = ((0..<rows).flatMap(Self.map), (0..<rows).map { Float($0) / 3 })
            switch number {
            case .float32:
                #expect(found.arrays["norm"]?.type == "<f4")
                #expect(found.values("attention.a.b_c", Float.self) == maps)
                #expect(found.values("norm", Float.self) == values)
            case .float16:
                #expect(found.arrays["norm"]?.type == "<f2")
                #expect(found.values("attention.a.b_c", Float16.self) == maps.map { Float16($0) })
                #expect(found.values("norm", Float16.self) == values.map { Float16($0) })
            }
            #expect(found.arrays["frame"]?.type == "<i8" && found.arrays["time"]?.type == "<f8")
            #expect(found.values("frame", Int64.self) == (0..<rows).map { Int64($0) << 40 })
            #expect(found.values("time", Double.self) == (0..<rows).map { Double($0) / 25 })
            #expect(found.texts["meta"] == "{\"model\":\"ü🦊\\n\"}\t\u{1}")
            #expect(try directory.contents == ["maps.\(format.rawValue)"])
        }
    }

    /// The bytes are those of the values, however they came.
    @Test(arguments: ArchiveFormat.allCases) func bytesDependOnTheContentAlone(_ format: ArchiveFormat) throws
    {
        var trees: [[String: Data]] = []
        for (index, atOnce) in [1, 1, 7, 2000].enumerated() {
            let name = "\(index).\(format.rawValue)"
            let archive = try ArchiveFormat.create(directory.file(name), overwrite: false)
            try fill(archive, rows: 1500, .float32, atOnce: atOnce)
            try archive.finish(as: nil)
            trees.append(try directory.tree(name))
        }
        #expect(trees.allSatisfy { $0 == trees[0] })
        #expect(trees[0].values.contains { $0.count > 20 })
    }

    /// The package's own reader refuses what the reference refuses.
    @Test func safetensorsAreReadAsWeightsAre() throws {
        let path = directory.file("maps.safetensors")
        let archive = try ArchiveFormat.create(path, overwrite: false)
        try fill(archive, rows: 3, .float16)
        try archive.finish(as: nil)
        let file = try SafetensorsFile(MappedFile.open(path))
        #expect(file.tensors.map(\.name) == ["frame", "time", "attention.a.b_c", "norm"])
        #expect(file.tensors.map(\.description.shape) == [[3], [3], [3, 2, 3], [3]])
        #expect(file.metadata == ["meta": "{\"model\":\"ü🦊\\n\"}\t\u{1}"])
        #expect(try file.floats(1) == [0, 1 / 25, 2 / 25])
        #expect(try file.floats(2) == (0..<3).flatMap(Self.map).map { Float(Float16($0)) })
    }

    @Test func zarrNamesItsDimensions() throws {
        let path = directory.file("maps.zarr/")
        let archive = try ArchiveFormat.create(path, overwrite: false)
        #expect(archive.path == directory.file("maps.zarr"))
        try fill(archive, rows: 2, .float32)
        try archive.finish(as: nil)
        let reader = try ArchiveReader(directory.file("maps.zarr"))
        #expect(reader.arrays["attention.a.b_c"]?.dimensions == ["frame", "head", "row"])
        #expect(reader.arrays["time"]?.dimensions == ["frame"])
        #expect(reader.texts["coordinates"] == "time")
        let attributes = try String(contentsOfFile: directory.file("maps.zarr/time/.zattrs"), encoding: .utf8)
        #expect(attributes == "{\"_ARRAY_DIMENSIONS\":[\"frame\"],\"units\":\"s\"}\n")
        // The second row by itself.
        let chunk = try Data(
            contentsOf: URL(fileURLWithPath: directory.file("maps.zarr/attention.a.b_c/1.0.0")))
        #expect(chunk == Data(Self.map(1).withUnsafeBytes { [UInt8]($0) }))
    }

    /// A name that is no text in UTF-8 is one for people.
    @Test func zarrNamesOfOddBytesAreText() throws {
        let path = directory.file("maps.zarr")
        let archive = try ArchiveFormat.create(path, overwrite: false)
        let name = FileName.text(of: [UInt8(ascii: "a"), 0xe9])
        try archive.array(ArchivedArray(name, .int64, dimensions: ["frame"])).append([Int64(5)])
        try archive.finish(as: nil)
        #expect(try ArchiveReader(path).arrays["a\\xE9"]?.values(Int64.self) == [5])
    }

    // MARK: float16

    /// IEEE 754's rounding, on both sides of each tie; powers of two are exact.
    @Test(
        arguments: [
            (1 + 0x1p-11, 1), (1 + 0x1.001p-11, 1 + 0x1p-10), (1 + 3 * 0x1p-11, 1 + 0x1p-9),
            (2049, 2048), (2051, 2052), (65504, 65504), (65519, 65504), (-65519, -65504),
            (0x1p-24, 0x1p-24), (0x1p-25, 0), (0x1.002p-25, 0x1p-24), (0x1.8p-24, 0x1p-23), (-0x1p-26, -0.0),
        ] as [(Float, Float)])
    func halvesAreTheNearest(_ value: Float, _ expected: Float) throws {
        for format in ArchiveFormat.allCases {
            let path = directory.file("maps.\(format.rawValue)")
            let archive = try ArchiveFormat.create(path, overwrite: true)
            let array = try archive.array(ArchivedArray("a", .float16, dimensions: ["frame"])) { overflow in
                Issue.record("\(overflow)")
            }
            try array.append([value])
            try archive.finish(as: nil)
            let found = try Contents(path).values("a", Float16.self)
            #expect(found.map { Float($0).bitPattern } == [expected.bitPattern])
        }
    }

    @Test func whatIsBeyondHalvesIsInfinityAndToldOnce() throws {
        let path = directory.file("maps.npz")
        let archive = try ArchiveFormat.create(path, overwrite: false)
        var told: [ArrayOverflow] = []
        let maps = try archive.array(
            ArchivedArray("a", .float16, dimensions: ["frame", "row"], rowShape: [2])
        ) { told.append($0) }
        let exact = try archive.array(
            ArchivedArray("b", .float32, dimensions: ["frame", "row"], rowShape: [2])
        ) { told.append($0) }
        let rows: [Float] = [.nan, .infinity, -.infinity, 65519, 1, -65520, 1e30, 2]
        try maps.append(Array(rows[..<2]))
        #expect(told == [], "what is infinite already is no loss")
        try maps.append(Array(rows[2...]))
        try maps.append([1e9, 1e9] as [Float])
        try exact.append(rows)
        #expect(told == [ArrayOverflow(array: "a", row: 2, value: -65520)])
        try archive.finish(as: nil)
        let found = try Contents(path).values("a", Float16.self)
        #expect(found[0].isNaN)
        #expect(
            found[1...] == [.infinity, -.infinity, 65504, 1, -.infinity, .infinity, 2, .infinity, .infinity])
        #expect(try Contents(path).values("b", Float.self)[5...] == rows[5...])
    }
}
