import Base
import NumPy

/// The formats of an archive, which its name's extension tells.
package enum ArchiveFormat: String, CaseIterable, Sendable {
    /// NumPy's archive; a text is an array without dimensions.
    case npz
    /// A safetensors file; texts are in `__metadata__`.
    case safetensors
    /// A directory, Zarr version 2; texts are attributes of the group.
    case zarr

    /// - Returns: nil for another extension, or none.
    package init?(path: String) { self.init(rawValue: path.withoutTrailingSlashes.pathExtension) }

    /// ".npz, .safetensors or .zarr"
    package static var list: String {
        let endings = allCases.map { ".\($0.rawValue)" }
        return endings.dropLast().joined(separator: ", ") + " or " + (endings.last ?? "")
    }

    /// Begins the archive that a path's extension asks for.
    ///
    /// - Parameter overwrite: replace an existing one; otherwise it is an error, here and when finishing.
    /// - Throws: `VitvideoError` of kind `usage` for another extension, `cannotCreate` where the name is taken or nothing
    ///   can be made there.
    package static func create(_ path: String, overwrite: Bool) throws -> any GroupedArchive {
        switch ArchiveFormat(path: path) {
        case .npz: return try NPZArchive(path, overwrite: overwrite)
        case .safetensors: return try SafetensorsArchive(path, overwrite: overwrite)
        case .zarr: return try ZarrArchive(path, overwrite: overwrite)
        case nil:
            throw VitvideoError(
                .usage, cannot: "write", path: path, reason: "arrays are written to \(list)")
        }
    }
}

/// The numbers of an archive's arrays where they are not whole ones.
package enum ArchiveNumber: String, CaseIterable, Sendable {
    case float32
    /// Rounded to the nearest (`GrowingArray.append`).
    case float16

    package var element: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        }
    }
}

extension String {
    /// A directory's name as it is without what a shell's completion puts behind it.
    package var withoutTrailingSlashes: String {
        var name = self
        while name.utf8.count > 1, name.utf8.last == UInt8(ascii: "/") { name.unicodeScalars.removeLast() }
        return name
    }
}
