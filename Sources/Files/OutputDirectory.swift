import Base
import Glibc

/// A directory that is an output: it has its name only when everything is in it (`AtomicDirectory`), and replaces nothing
/// but another of its kind, or an empty directory. Used by one thread.
package final class OutputDirectory {
    /// What a directory is, and how one is known.
    package struct Kind: Sendable {
        /// In words: "report".
        let name: String
        /// Whether nothing but one of the kind is lost with the directory of that name.
        let isOne: @Sendable (String) -> Bool

        package init(_ name: String, isOne: @escaping @Sendable (String) -> Bool) {
            self.name = name
            self.isOne = isOne
        }
    }

    private let directory: AtomicDirectory
    private let kind: Kind
    private let overwrites: Bool

    /// - Parameter overwrite: whether one of the kind is replaced. What is none never is.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(_ name: String, _ kind: Kind, overwrite: Bool) throws {
        self.kind = kind
        overwrites = overwrite
        directory = try AtomicDirectory(name, overwrite: overwrite) {
            try Self.check($0, kind, overwrite: overwrite)
        }
    }

    /// The name it gets.
    package var path: String { directory.path }
    /// Where it is meanwhile.
    package var temporaryPath: String { directory.temporaryPath }

    /// Removes what was left at a `temporaryPath`, from any thread.
    package static func removeUnfinished(_ path: String) { AtomicDirectory.remove(path) }

    /// Where to write a file of the directory now.
    package func location(of file: String) -> String { directory.location(of: file) }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func makeDirectory(_ name: String) throws { try directory.makeDirectory(name) }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func write(_ bytes: [UInt8], to file: String) throws { try directory.write(bytes, to: file) }

    /// Writes a whole file of bytes that are lent.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws {
        try directory.write(bytes, to: file)
    }

    /// Gives the directory its name.
    ///
    /// - Parameter other: a name to use instead of `path`, for what an interrupted run leaves; one of the kind there is
    ///   replaced.
    /// - Throws: `VitvideoError` of kind `cannotCreate` or `inputOutput`; the directory is removed then.
    package func commit(as other: String? = nil) throws {
        try directory.commit(as: other) {
            try Self.check($0, kind, overwrite: overwrites || other != nil)
        }
    }

    /// Removes the directory. Does nothing once it has its name.
    package func abandon() { directory.abandon() }

    private static func check(_ path: String, _ kind: Kind, overwrite: Bool) throws {
        func refusal(_ reason: String) -> VitvideoError {
            VitvideoError(
                .cannotCreate, cannot: "create", path: path, reason: reason, nextStep: .advice("name another")
            )
        }
        var status = stat()
        if FileSystem.stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw refusal("it is a file, and a \(kind.name) is a directory")
            }
            guard overwrite else { throw VitvideoError.existsAlready(path) }
            guard kind.isOne(path) else { throw refusal("it is a directory that holds no \(kind.name)") }
        } else if FileSystem.lstat(path, &status) == 0 {
            throw refusal("it is a link that leads to itself")
        }
    }
}
