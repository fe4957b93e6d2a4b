import Base
import Fixtures
import Foundation
import Testing

@testable import Archives

/// An archive has its name when it is complete, and takes the place of nothing but its like.
@Suite struct EndingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func begin(_ name: String, overwrite: Bool = false, _ value: Int64 = 1) throws -> any ArrayArchive
    {
        let archive = try ArchiveFormat.create(directory.file(name), overwrite: overwrite)
        let array = try archive.array(ArchivedArray("a", .int64, dimensions: ["frame"]))
        try array.append([value])
        return archive
    }

    private func value(_ name: String) throws -> [Int64] {
        try Contents(directory.file(name)).values("a", Int64.self)
    }

    @Test(arguments: ArchiveFormat.allCases) func itHasItsNameWhenItIsComplete(_ format: ArchiveFormat) throws
    {
        let name = "maps.\(format.rawValue)"
        var archive: (any ArrayArchive)? = try begin(name)
        let temporary = try #require(archive).temporaryPath
        #expect(try directory.contents.allSatisfy { directory.file($0) == temporary })
        try archive?.finish(as: nil)
        #expect(try directory.contents == [name])
        #expect(throws: VitvideoError.self) { try archive?.finish(as: nil) }
        #expect(throws: VitvideoError.self) { try archive?.add("b", text: "") }
        #expect(try directory.contents == [name] && value(name) == [1])

        archive = try begin("part.\(format.rawValue)")
        try archive?.finish(as: directory.file("part.partial.\(format.rawValue)"))
        archive = try begin("part.\(format.rawValue)", 2)
        try archive?.finish(as: directory.file("part.partial.\(format.rawValue)"))
        #expect(try directory.contents == [name, "part.partial.\(format.rawValue)"])
        #expect(try value("part.partial.\(format.rawValue)") == [2])
    }

    @Test(arguments: ArchiveFormat.allCases) func nothingIsLeftOfWhatIsGivenUp(_ format: ArchiveFormat) throws
    {
        let name = "maps.\(format.rawValue)"
        var archive: (any ArrayArchive)? = try begin(name)
        let array = try #require(try archive?.array(ArchivedArray("b", .int64, dimensions: ["frame"])))
        archive?.abandon()
        #expect(throws: VitvideoError.self) { try array.append([Int64(1)]) }
        #expect(throws: VitvideoError.self) { try archive?.finish(as: nil) }
        #expect(try directory.contents == [])
        archive = try begin(name)
        archive = nil
        #expect(try directory.contents == [])
    }

    @Test(arguments: ArchiveFormat.allCases) func whatIsThereIsReplacedOnDemand(_ format: ArchiveFormat)
        throws
    {
        let name = "maps.\(format.rawValue)"
        try begin(name).finish(as: nil)
        let refusal = #expect(throws: VitvideoError.self) { try begin(name) }
        #expect(refusal?.kind == .cannotCreate && refusal?.nextStep == .overwrite)
        let second = try begin(name, overwrite: true, 2)
        #expect(try value(name) == [1])
        try second.finish(as: nil)
        #expect(try value(name) == [2] && directory.contents == [name])
    }

    @Test(arguments: ArchiveFormat.allCases) func whatAppearsMeanwhileStays(_ format: ArchiveFormat) throws {
        let name = "maps.\(format.rawValue)"
        let late = try begin(name)
        try begin(name, 2).finish(as: nil)
        let refusal = #expect(throws: VitvideoError.self) { try late.finish(as: nil) }
        #expect(refusal?.kind == .cannotCreate)
        #expect(try value(name) == [2] && directory.contents == [name])
    }

    @Test(arguments: ArchiveFormat.allCases) func whatAKilledProcessLeftIsRemoved(_ format: ArchiveFormat)
        throws
    {
        let left = directory.file(".vitvideo-1-a.tmp")
        try FileManager.default.createDirectory(
            atPath: left + "/attention", withIntermediateDirectories: true)
        try directory.write([1], to: ".vitvideo-1-a.tmp/attention/0.0")
        let archive = try begin("maps.\(format.rawValue)")
        #expect(!FileManager.default.fileExists(atPath: left))
        try archive.finish(as: nil)
        #expect(try directory.contents == ["maps.\(format.rawValue)"])
    }

    /// A Zarr group takes the place of another and of nothing else.
    @Test(arguments: [
        ["notes"], [".zgroup", "notes"], [".zgroup", "a/0"], [".zgroup", "a/.zarray", "a/notes"],
        [".zgroup", "a/.zarray", "a/..0"], [".zgroup", "group/.zgroup", "group/notes"], ["a/.zarray", "a/0"],
        [".zarray", "0"], [".zgroup", ".git/HEAD"],
    ])
    func otherDirectoriesStay(_ files: [String]) throws {
        func put() throws {
            for file in files {
                let path = directory.file("maps.zarr/\(file)")
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
            }
        }
        let late = try begin("maps.zarr", overwrite: true)
        try put()
        let before = try directory.tree("maps.zarr")
        let atTheEnd = #expect(throws: VitvideoError.self) { try late.finish(as: nil) }
        let atOnce = #expect(throws: VitvideoError.self) { try begin("maps.zarr", overwrite: true) }
        for refusal in [atTheEnd, atOnce] {
            #expect(refusal?.kind == .cannotCreate)
            #expect(refusal?.reason == "it is a directory that holds no Zarr group")
        }
        #expect(try directory.tree("maps.zarr") == before && directory.contents == ["maps.zarr"])
    }

    @Test func aFileIsNoPlaceForAGroup() throws {
        try directory.write("kept".utf8, to: "maps.zarr")
        let refusal = #expect(throws: VitvideoError.self) { try begin("maps.zarr", overwrite: true) }
        #expect(refusal?.reason == "it is a file, and a Zarr group is a directory")
        #expect(try directory.contents == ["maps.zarr"])
    }

    /// An empty directory, and a group that another program wrote without consolidating it.
    @Test(arguments: [[], [".zgroup", "a/.zarray", "a/.zattrs", "a/0.0", "a/10.3"]])
    func groupsAreReplaced(_ files: [String]) throws {
        try FileManager.default.createDirectory(
            atPath: directory.file("maps.zarr/a"), withIntermediateDirectories: true)
        for file in files { try directory.write([1], to: "maps.zarr/\(file)") }
        if files.isEmpty { try FileManager.default.removeItem(atPath: directory.file("maps.zarr/a")) }
        try begin("maps.zarr", overwrite: true, 7).finish(as: nil)
        #expect(try value("maps.zarr") == [7])
    }

    // MARK: Misuse

    @Test(arguments: ArchiveFormat.allCases) func misuseIsAnError(_ format: ArchiveFormat) throws {
        let archive = try begin("maps.\(format.rawValue)")
        func refused(_ array: ArchivedArray, at location: SourceLocation = #_sourceLocation) {
            let error = #expect(throws: VitvideoError.self, sourceLocation: location) {
                try archive.array(array)
            }
            #expect(error?.kind == .badData && error?.path == archive.path, sourceLocation: location)
        }
        refused(ArchivedArray("a", .int64, dimensions: ["frame"]))
        refused(ArchivedArray("b", .int64, dimensions: ["frame", "row"], rowShape: [0]))
        refused(ArchivedArray("b", .int64, dimensions: ["frame", "row"], rowShape: [-1]))
        refused(ArchivedArray("b", .int64, dimensions: ["frame", "a", "b"], rowShape: [1 << 40, 1 << 40]))
        refused(ArchivedArray("b", .int64, dimensions: ["frame"], rowShape: [1]))
        refused(ArchivedArray("b", .int64, dimensions: ["frame", "frame"], rowShape: [1]))
        try archive.add("meta", text: "")
        #expect(throws: VitvideoError.self) { try archive.add("meta", text: "") }
        #expect(throws: VitvideoError.self) { try archive.add("a", text: "") }
        refused(ArchivedArray("meta", .int64, dimensions: ["frame"]))

        let rows = try archive.array(
            ArchivedArray("rows", .float32, dimensions: ["frame", "row"], rowShape: [2]))
        #expect(throws: VitvideoError.self) { try rows.append([Float(1), 2, 3]) }
        #expect(throws: VitvideoError.self) { try rows.append([1.0, 2.0] as [Double]) }
        #expect(throws: VitvideoError.self) { try rows.append([1, 2] as [Int64]) }
        #expect(rows.rowCount == 0)
        try archive.finish(as: nil)
        #expect(try Contents(directory.file("maps.\(format.rawValue)")).arrays["rows"]?.shape == [0, 2])
    }

    @Test(arguments: ["a/b", ".zgroup", "", ".."]) func someNamesAreNoDirectories(_ name: String) throws {
        let archive = try begin("maps.zarr")
        let error = #expect(throws: VitvideoError.self) {
            try archive.array(ArchivedArray(name, .int64, dimensions: ["frame"]))
        }
        #expect(error?.kind == .badData)
    }

    @Test(arguments: ["maps", "maps.csv", "maps.npy", "npz", "zarr/maps"]) func otherNamesAreRefused(
        _ name: String
    ) {
        let error = #expect(throws: VitvideoError.self) { try begin(name) }
        #expect(error?.kind == .usage)
        #expect(error?.reason == "arrays are written to .npz, .safetensors or .zarr")
    }

    @Test(arguments: ["maps.NPZ", "a/maps.zarr//", "maps.SafeTensors"]) func endingsAreKnown(_ name: String) {
        #expect(ArchiveFormat(path: name) != nil)
    }

    @Test(arguments: ArchiveFormat.allCases) func aMissingDirectoryIsFoundAtOnce(_ format: ArchiveFormat) {
        let error = #expect(throws: VitvideoError.self) { try begin("absent/maps.\(format.rawValue)") }
        #expect(error?.kind == .cannotCreate)
    }
}
