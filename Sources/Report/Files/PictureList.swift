import Base
import Foundation

/// The pictures that a command names: files, and what lies in directories.
package enum PictureList {
    static let extensions: Set = [
        "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ppm", "pgm", "jp2", "avif",
    ]

    /// Files as named, whatever they are; of directories all pictures by their extension, at any depth,
    /// sorted by name, without hidden ones.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` for what is not there, and for no picture at all.
    package static func paths(of names: [String]) throws -> [String] {
        var paths: [String] = []
        for name in names {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: name, isDirectory: &isDirectory) else {
                throw VitvideoError(
                    .noInput, cannot: "read", path: name, reason: "No such file or directory")
            }
            guard isDirectory.boolValue else {
                paths.append(name)
                continue
            }
            let found = pictures(in: name)
            guard !found.isEmpty else {
                throw VitvideoError(
                    .noInput, path: name,
                    reason: "no pictures are in this directory; they are known by "
                        + extensions.sorted().map { "." + $0 }.joined(separator: ", "))
            }
            paths += found
        }
        return paths
    }

    private static func pictures(in directory: String) -> [String] {
        guard let entries = FileManager.default.enumerator(atPath: directory) else { return [] }
        var found: [String] = []
        for case let entry as String in entries {
            let isHidden = entry.split(separator: "/").contains { $0.hasPrefix(".") }
            guard !isHidden, extensions.contains((entry as NSString).pathExtension.lowercased()) else {
                continue
            }
            found.append((directory as NSString).appendingPathComponent(entry))
        }
        return found.sorted()
    }
}
