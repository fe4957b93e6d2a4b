import Foundation

/// Ways in which a picture of a sequence is not there.
package enum PictureHarm: String, CaseIterable, Sendable {
    case empty, link, directory, pipe, text, cut

    /// - Parameter count: bytes that a cut picture keeps.
    package func harm(_ path: String, keeping count: Int = 20) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: path)
        switch self {
        case .empty: try Data().write(to: URL(fileURLWithPath: path))
        case .link:
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: path + ".gone")
        case .directory:
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        case .pipe:
            guard mkfifo(path, 0o600) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        case .text: try Data("no picture at all\n".utf8).write(to: URL(fileURLWithPath: path))
        case .cut: try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
        }
    }
}
