import Base
import Files
import Glibc

/// The videos that a command names: files, directories, and patterns of the shell.
package enum VideoList {
    static let extensions: Set = [
        "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "vob", "ts", "mts", "m2ts", "mxf", "ogv",
        "ogg", "flv",
        "f4v", "wmv", "asf", "3gp", "3g2", "dv", "y4m", "nut", "gif", "h264", "h265", "hevc", "ivf", "av1",
        "264", "265",
    ]

    /// Files as named, whatever they are; of directories all videos by their extension, without those in further
    /// directories and hidden ones; of patterns what they match. Sorted by name within each.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` for what is not there, and for no video at all.
    package static func paths(of names: [String]) throws -> [String] {
        var paths: [String] = []
        for name in names {
            if FileSystem.isDirectory(name) {
                paths += try videos(in: name)
            } else if FileSystem.exists(name) || !name.contains(where: "*?[".contains) {
                // What is not there is named with the others that fail, and so is a sequence of pictures read.
                paths.append(name)
            } else {
                let found = matches(of: name)
                guard !found.isEmpty else {
                    throw VitvideoError(
                        .noInput, cannot: "read", path: name, reason: "no file matches the pattern")
                }
                paths += found
            }
        }
        return paths
    }

    private static func videos(in directory: String) throws -> [String] {
        let folder = directory.hasSuffix("/") ? directory : directory + "/"
        let found = (FileSystem.names(in: directory) ?? []).filter { name in
            !name.hasPrefix(".") && extensions.contains(name.pathExtension)
                && !FileSystem.isDirectory(folder + name)
        }
        guard !found.isEmpty else {
            throw VitvideoError(
                .noInput, path: directory,
                reason: "no videos are in this directory; they are known by "
                    + extensions.sorted().map { "." + $0 }.joined(separator: ", "))
        }
        return found.sorted().map { folder + $0 }
    }

    private static func matches(of pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
