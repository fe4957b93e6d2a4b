import Base
import Files

/// A Zarr group, version 2, as a directory. https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html
///
/// - Nothing is compressed or filtered, so that nothing beside NumPy is needed: a chunk's file is the values as they are,
///   and `numpy.fromfile(chunk, dtype)` reads it.
/// - `.zmetadata` holds all metadata once more, consolidated, so that one file opens the whole.
/// - `_ARRAY_DIMENSIONS` of each array names its dimensions, as xarray wants them; `coordinates` of the group names the
///   arrays that belong to the rows of the others.
/// - Texts are attributes of the group.
final class ZarrArchive: ArrayArchive {
    private let directory: OutputDirectory
    private var arrays: [ZarrRows] = []
    private var texts: [JSONValue.Member] = []
    private var isOpen = true

    /// - Throws: as `ArchiveFormat.create`.
    init(_ path: String, overwrite: Bool) throws {
        directory = try OutputDirectory(path, .zarr, overwrite: overwrite)
    }

    var path: String { directory.path }
    var temporaryPath: String { directory.temporaryPath }

    func rows(of array: ArchivedArray) throws -> any ArrayRows {
        try check(array.name)
        let rows = try locating("write", path) { try ZarrRows(array, in: directory) }
        try directory.makeDirectory(rows.name)
        arrays.append(rows)
        return rows
    }

    func add(_ name: String, text: String) throws {
        try check(name)
        texts.append(JSONValue.Member(name, .string(text)))
    }

    func finish(as otherPath: String?) throws {
        guard isOpen else { throw spent }
        defer { abandon() }
        var metadata = [
            JSONValue.Member(ZarrName.attributes, .object(texts + coordinates)),
            JSONValue.Member(ZarrName.group, .object([JSONValue.Member("zarr_format", .integer(2))])),
        ]
        for rows in arrays {
            try rows.finish()
            metadata.append(JSONValue.Member("\(rows.name)/\(ZarrName.array)", rows.metadata))
            metadata.append(JSONValue.Member("\(rows.name)/\(ZarrName.attributes)", rows.attributes))
        }
        for member in metadata { try write(member.value, to: member.name) }
        let consolidated: [JSONValue.Member] = [
            JSONValue.Member("metadata", .object(metadata)),
            JSONValue.Member("zarr_consolidated_format", .integer(1)),
        ]
        try write(.object(consolidated), to: ZarrName.consolidated)
        try directory.commit(as: otherPath)
    }

    func abandon() {
        isOpen = false
        directory.abandon()
        for rows in arrays { rows.close() }
    }

    /// CF's way to say which arrays are coordinates.
    private var coordinates: [JSONValue.Member] {
        // An array with the name of its only dimension is one by itself.
        let names = arrays.map(\.array).filter { $0.isCoordinate && $0.dimensions != [$0.name] }.map(\.name)
        return names.isEmpty ? [] : [JSONValue.Member("coordinates", .string(names.joined(separator: " ")))]
    }

    private func write(_ value: JSONValue, to file: String) throws {
        try directory.write(Array((value.json + "\n").utf8), to: file)
    }

    private func check(_ name: String) throws {
        guard isOpen else { throw spent }
        guard !texts.contains(where: { $0.name == name }), !arrays.contains(where: { $0.array.name == name })
        else {
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
    }

    private var spent: VitvideoError {
        VitvideoError(.inputOutput, cannot: "write", path: path, reason: "the archive is closed already")
    }
}

/// The names of a group's files.
enum ZarrName {
    static let group = ".zgroup"
    static let array = ".zarray"
    static let attributes = ".zattrs"
    static let consolidated = ".zmetadata"

    /// Whether it is a chunk's: numbers and points.
    static func isChunk(_ name: String) -> Bool {
        name.utf8.first.map { $0 != UInt8(ascii: ".") } == true
            && name.utf8.allSatisfy {
                $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0
            }
    }
}

extension OutputDirectory.Kind {
    /// A group of arrays and nothing else: its own metadata, and directories of an array's metadata and chunks. An empty
    /// directory is one too.
    static let zarr = OutputDirectory.Kind("Zarr group") { path in
        guard let entries = FileSystem.names(in: path) else { return false }
        if entries.isEmpty { return true }
        let own = [ZarrName.group, ZarrName.attributes, ZarrName.consolidated]
        return entries.contains(ZarrName.group)
            && entries.allSatisfy { own.contains($0) || isZarrArray("\(path)/\($0)") }
    }

    private static func isZarrArray(_ path: String) -> Bool {
        guard let entries = FileSystem.names(in: path), entries.contains(ZarrName.array) else { return false }
        return entries.allSatisfy {
            [ZarrName.array, ZarrName.attributes].contains($0) || ZarrName.isChunk($0)
        }
    }
}
