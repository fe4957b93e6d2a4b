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
/// - A group within it is a directory of the same kind, with a `.zmetadata` of its own, so that it opens alone as well.
final class ZarrArchive: GroupedArchive {
    private let directory: OutputDirectory
    private var arrays: [ZarrRows] = []
    private var texts: [JSONValue.Member] = []
    private var names: Set<String> = []
    /// The metadata of the groups within, which have all been written.
    private var groups: [JSONValue.Member] = []
    private var isOpen = true

    /// - Throws: as `ArchiveFormat.create`.
    init(_ path: String, overwrite: Bool) throws {
        directory = try OutputDirectory(path, .zarr, overwrite: overwrite)
    }

    var path: String { directory.path }
    var temporaryPath: String { directory.temporaryPath }

    func rows(of array: ArchivedArray) throws -> any ArrayRows {
        try check(array.name)
        let rows = try begin(array)
        names.insert(array.name)
        arrays.append(rows)
        return rows
    }

    func add(_ name: String, text: String) throws {
        try check(name)
        names.insert(name)
        texts.append(JSONValue.Member(name, .string(text)))
    }

    func add(_ group: ArrayGroup) throws {
        try check(group.name)
        let name = try locating("write", path) { try ZarrName.checked(group.name) }
        try directory.makeDirectory(name)
        names.insert(group.name)
        let arrays = try group.arrays.map { whole in
            let rows = try begin(whole.array, in: name)
            try whole.bytes.withUnsafeBytes(rows.appendBytes)
            return rows
        }
        let texts = group.texts.map { JSONValue.Member($0.name, .string($0.text)) }
        groups += try describe(arrays, texts, in: name).map {
            JSONValue.Member("\(name)/\($0.name)", $0.value)
        }
    }

    func finish(as otherPath: String?) throws {
        guard isOpen else { throw spent }
        defer { abandon() }
        _ = try describe(arrays, texts, in: nil, besides: groups)
        try directory.commit(as: otherPath)
    }

    func abandon() {
        isOpen = false
        directory.abandon()
        for rows in arrays { rows.close() }
    }

    /// - Parameter group: that it belongs to; nil for the whole's own.
    private func begin(_ array: ArchivedArray, in group: String? = nil) throws -> ZarrRows {
        let rows = try locating("write", path) { try ZarrRows(array, of: group, in: directory) }
        try directory.makeDirectory(rows.place)
        return rows
    }

    /// Ends arrays and writes the metadata of the group that they are.
    ///
    /// - Parameters:
    ///   - group: its name; nil for the whole.
    ///   - others: of groups within, written already.
    /// - Returns: the metadata, by the names that the files have in the group.
    private func describe(
        _ arrays: [ZarrRows], _ texts: [JSONValue.Member], in group: String?,
        besides others: [JSONValue.Member] = []
    ) throws -> [JSONValue.Member] {
        var metadata = [
            JSONValue.Member(ZarrName.attributes, .object(texts + Self.coordinates(of: arrays))),
            JSONValue.Member(ZarrName.group, .object([JSONValue.Member("zarr_format", .integer(2))])),
        ]
        for rows in arrays {
            try rows.finish()
            metadata.append(JSONValue.Member("\(rows.name)/\(ZarrName.array)", rows.metadata))
            metadata.append(JSONValue.Member("\(rows.name)/\(ZarrName.attributes)", rows.attributes))
        }
        let place = group.map { "\($0)/" } ?? ""
        for member in metadata { try write(member.value, to: place + member.name) }
        let consolidated: [JSONValue.Member] = [
            JSONValue.Member("metadata", .object(metadata + others)),
            JSONValue.Member("zarr_consolidated_format", .integer(1)),
        ]
        try write(.object(consolidated), to: place + ZarrName.consolidated)
        return metadata
    }

    /// CF's way to say which arrays are coordinates.
    private static func coordinates(of arrays: [ZarrRows]) -> [JSONValue.Member] {
        // An array with the name of its only dimension is one by itself.
        let names = arrays.map(\.array).filter { $0.isCoordinate && $0.dimensions != [$0.name] }.map(\.name)
        return names.isEmpty ? [] : [JSONValue.Member("coordinates", .string(names.joined(separator: " ")))]
    }

    private func write(_ value: JSONValue, to file: String) throws {
        try directory.write(Array((value.json + "\n").utf8), to: file)
    }

    private func check(_ name: String) throws {
        guard isOpen else { throw spent }
        guard !names.contains(name) else {
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

    /// A name as a directory has it, and as it stands in JSON.
    ///
    /// - Throws: `VitvideoError` without a path for what is no name of an array or a group.
    static func checked(_ name: String) throws -> String {
        let shown = FileName.shown(name)
        guard !shown.isEmpty, !shown.hasPrefix("."), !shown.utf8.contains(UInt8(ascii: "/")) else {
            throw VitvideoError.badData("\(quoted(name)) is no name of an array")
        }
        return shown
    }

    /// Whether it is a chunk's: numbers and points.
    static func isChunk(_ name: String) -> Bool {
        name.utf8.first.map { $0 != UInt8(ascii: ".") } == true
            && name.utf8.allSatisfy {
                $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0
            }
    }
}

extension OutputDirectory.Kind {
    /// A group of arrays and of such groups, and nothing else: its own metadata, and directories of an array's metadata and
    /// chunks. An empty directory is one too.
    static let zarr = OutputDirectory.Kind("Zarr group") { path in
        FileSystem.names(in: path)?.isEmpty == true
            || isZarrGroup(path) { isZarrArray($0) || isZarrGroup($0, of: isZarrArray) }
    }

    private static func isZarrGroup(_ path: String, of isMember: (String) -> Bool) -> Bool {
        let own = [ZarrName.group, ZarrName.attributes, ZarrName.consolidated]
        guard let entries = FileSystem.names(in: path), entries.contains(ZarrName.group) else { return false }
        return entries.allSatisfy { own.contains($0) || isMember("\(path)/\($0)") }
    }

    private static func isZarrArray(_ path: String) -> Bool {
        guard let entries = FileSystem.names(in: path), entries.contains(ZarrName.array) else { return false }
        return entries.allSatisfy {
            [ZarrName.array, ZarrName.attributes].contains($0) || ZarrName.isChunk($0)
        }
    }
}
