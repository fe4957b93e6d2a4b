import Base
import Files

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
            guard FileSystem.exists(name) else {
                throw VitvideoError(
                    .noInput, cannot: "read", path: name, reason: "No such file or directory")
            }
            guard FileSystem.isDirectory(name) else {
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
        let folder = directory.hasSuffix("/") ? directory : directory + "/"
        return FileSystem.tree(in: directory).filter { entry in
            let isHidden = entry.utf8.split(separator: UInt8(ascii: "/")).contains {
                $0.first == UInt8(ascii: ".")
            }
            return !isHidden && extensions.contains(entry.pathExtension)
        }.map { folder + $0 }.sorted()
    }
}
