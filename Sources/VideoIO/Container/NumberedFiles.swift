import Base
import Files

/// Numbered files, from 1 on, each complete as soon as it is there. Each has a temporary name of its own, and only for
/// a moment.
final class NumberedFiles {
    private let name: NumberedName
    private let options: WriterOptions
    private var count = 0

    /// - Throws: `VitvideoError`: `usage` where the name has no place for a number, `cannotCreate` where a file of
    ///   such a name is there and is not to be replaced, or the directory does not take one.
    init(_ path: String, options: WriterOptions, log: WarningLog) throws {
        guard let name = NumberedName(pattern: path) else {
            throw VitvideoError(
                .usage, cannot: "write", path: path, reason: "the name has no place for a number")
        }
        self.name = name
        self.options = options
        // Checks the directory too, by making and removing a file there. A warning is given once.
        try AtomicFile(name.path(1), options, log).abandon()
        if !options.overwrite, let taken = name.existingNumbers().filter({ $0 >= 1 }).min() {
            throw VitvideoError(
                .cannotCreate, cannot: "create", path: path, reason: "\(name.path(taken)) exists already",
                nextStep: .overwrite)
        }
    }

    /// Writes the next file.
    ///
    /// - Throws: as `AtomicFile`.
    func write(_ bytes: [UInt8]) throws {
        let file = try AtomicFile(name.path(count + 1), options, nil, cleansUp: false)
        try file.write(bytes)
        try file.commit(syncsDirectory: false)
        count += 1
    }

    /// Puts the names, which the files have, on the disk.
    ///
    /// - Throws: as `AtomicFile`.
    func finish() throws {
        try AtomicFile.syncDirectory(of: name.path(1), wording: .negatedCode)
    }

    /// Removes what was written.
    func abandon() {
        for number in 1..<(count + 1) { FileSystem.unlink(name.path(number)) }
        count = 0
    }
}
