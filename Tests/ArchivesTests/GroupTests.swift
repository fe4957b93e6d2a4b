import Base
import Fixtures
import Foundation
import Testing

@testable import Archives

/// Groups of whole arrays within an archive.
@Suite struct GroupTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func path(_ format: ArchiveFormat) -> String { directory.file("maps.\(format.rawValue)") }

    /// Adds a picture's group: `columns` wide maps of two heads.
    private func add(_ name: String, columns: Int, to archive: any GroupedArchive) throws {
        let group = ArrayGroup(name, of: archive)
        let maps = try group.array(
            ArchivedArray(
                "attention", .float32, dimensions: ["frame", "head", "col"], rowShape: [2, columns]))
        let frames = try group.array(
            ArchivedArray("frame", .int64, dimensions: ["frame"], isCoordinate: true))
        let halves = try group.array(ArchivedArray("norm", .float16, dimensions: ["frame"]))
        try group.add("meta", text: "of \(name)")
        try maps.append(Self.map(columns))
        try frames.append([Int64(columns)])
        try halves.append([Float(columns) / 2])
        try group.finish(as: nil)
    }

    private static func map(_ columns: Int) -> [Float] {
        (0..<2 * columns).map { Float($0) / Float(columns) }
    }

    /// Beside arrays that grow, of widths before and after theirs.
    @Test(arguments: ArchiveFormat.allCases) func groupsComeBack(_ format: ArchiveFormat) throws {
        let archive = try ArchiveFormat.create(path(format), overwrite: false)
        let times = try archive.array(ArchivedArray("time", .float64, dimensions: ["frame"]))
        let other = try archive.array(ArchivedArray("other", .float32, dimensions: ["frame"]))
        try archive.add("meta", text: "of all")
        try add("dog.jpg", columns: 3, to: archive)
        try times.append([1.5, 2.5])
        try add("a b ü.png", columns: 5, to: archive)
        try other.append([Float(7)])
        try archive.finish(as: nil)

        let found = try Contents(path(format))
        let members = ["attention", "frame", "norm"]
        #expect(
            Set(found.arrays.keys)
                == Set(["dog.jpg", "a b ü.png"].flatMap { name in members.map { "\(name)/\($0)" } })
                .union(["time", "other"]))
        for (name, columns) in [("dog.jpg", 3), ("a b ü.png", 5)] {
            #expect(found.arrays["\(name)/attention"]?.shape == [1, 2, columns])
            #expect(found.values("\(name)/attention", Float.self) == Self.map(columns))
            #expect(found.values("\(name)/frame", Int64.self) == [Int64(columns)])
            #expect(found.values("\(name)/norm", Float16.self) == [Float16(columns) / 2])
            #expect(found.texts["\(name)/meta"] == "of \(name)")
        }
        #expect(found.values("time", Double.self) == [1.5, 2.5] && found.values("other", Float.self) == [7])
        #expect(found.texts["meta"] == "of all")
        #expect(try directory.contents == ["maps.\(format.rawValue)"])
    }

    /// More of them than a process may have files open.
    @Test(arguments: [ArchiveFormat.npz, .safetensors]) func thousandsOfGroupsAreNoThousandsOfFiles(
        _ format: ArchiveFormat
    ) throws {
        let archive = try ArchiveFormat.create(path(format), overwrite: false)
        try add("0", columns: 1, to: archive)
        let openFiles = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for number in 1..<2000 { try add(String(number), columns: 1 + number % 7, to: archive) }
        // Other tests open and close files meanwhile.
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count < openFiles + 500)
        try archive.finish(as: nil)
        let found = try Contents(path(format))
        #expect(found.arrays.count == 6000 && found.texts.count >= 2000)
        #expect(found.values("1999/attention", Float.self) == Self.map(1 + 1999 % 7))
    }

    @Test(arguments: ArchiveFormat.allCases) func namesAreTakenOnce(_ format: ArchiveFormat) throws {
        let archive = try ArchiveFormat.create(path(format), overwrite: false)
        try add("a", columns: 1, to: archive)
        #expect(throws: VitvideoError.self) { try add("a", columns: 1, to: archive) }
        let group = ArrayGroup("b", of: archive)
        try group.add("meta", text: "")
        #expect(throws: VitvideoError.self) { try group.add("meta", text: "") }
        archive.abandon()
        #expect(try directory.contents == [])
    }

    /// A group of groups is replaced on demand as a group is; a directory that holds something else besides is not.
    @Test func aZarrOfGroupsIsReplaced() throws {
        for _ in 0..<2 {
            let archive = try ArchiveFormat.create(path(.zarr), overwrite: true)
            try add("a", columns: 2, to: archive)
            try archive.finish(as: nil)
        }
        try directory.write("kept".utf8, to: "maps.zarr/a/notes")
        let error = #expect(throws: VitvideoError.self) {
            try ArchiveFormat.create(path(.zarr), overwrite: true)
        }
        #expect(error?.kind == .cannotCreate)
    }
}
