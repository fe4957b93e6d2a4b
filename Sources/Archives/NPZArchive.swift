import Base
import NumPy

/// A NumPy archive: `NPZWriter`.
final class NPZArchive: GroupedArchive {
    private let writer: NPZWriter

    /// - Throws: as `ArchiveFormat.create`.
    init(_ path: String, overwrite: Bool) throws { writer = try NPZWriter(path, overwrite: overwrite) }

    var path: String { writer.path }
    var temporaryPath: String { writer.temporaryPath }

    func rows(of array: ArchivedArray) throws -> any ArrayRows {
        _ = try locating("write", path, array.rowByteCount)
        return try writer.array(named: array.name, element: array.element, rowShape: array.rowShape)
    }

    func add(_ name: String, text: String) throws { try writer.add(name, text: text) }

    func add(_ group: ArrayGroup) throws {
        for rows in group.arrays {
            try rows.bytes.withUnsafeBytes {
                try writer.add(
                    group.fullName(rows.array.name), .number(rows.array.element), shape: rows.shape, $0)
            }
        }
        for (name, text) in group.texts { try writer.add(group.fullName(name), text: text) }
    }

    func finish(as otherPath: String?) throws { try writer.finish(as: otherPath) }
    func abandon() { writer.abandon() }
}

extension NPZArrayWriter: ArrayRows {}
