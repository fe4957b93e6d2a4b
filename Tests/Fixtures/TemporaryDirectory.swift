import Files
import Foundation

/// A directory for one test, removed with the value.
open class TemporaryDirectory {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "vitvideo-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { FileSystem.removeTree(path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// - Returns: the path of the file.
    @discardableResult
    package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Names in the directory, hidden ones too, sorted.
    package var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }
}
