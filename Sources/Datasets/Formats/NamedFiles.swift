import Base
import Files

/// Files that are known by their names, in a directory or in a tar archive.
struct NamedFiles {
    private enum Content {
        case directory
        case archive([UInt8], places: [String: Range<Int>])
    }

    /// The directory, or the archive.
    let path: String
    private let content: Content

    /// Bytes that an archive may unpack to. CIFAR's take 186 MB.
    private static let longestArchive = 1 << 30

    init(directory path: String) { (self.path, content) = (path, .directory) }

    /// - Throws: `VitvideoError` where the archive, packed by gzip or not, cannot be read.
    init(archive path: String) throws {
        self.path = path
        let bytes = try GzipFile.contents(of: path, limit: Self.longestArchive)
        let entries = try locating("read", path) {
            try bytes.withUnsafeBytes { bytes in
                guard TarArchive.looksLikeOne(bytes) else {
                    throw VitvideoError.badData("it is no tar archive")
                }
                return try TarArchive(bytes).entries
            }
        }
        content = .archive(
            bytes, places: Dictionary(entries.map { ($0.name.lastPathPart, $0.bytes) }) { first, _ in first })
    }

    func contains(_ name: String) -> Bool {
        switch content {
        case .directory:
            FileSystem.exists("\(path)/\(name)") && !FileSystem.isDirectory("\(path)/\(name)")
        case .archive(_, let places): places[name] != nil
        }
    }

    /// Lends a file's bytes; errors without a path get the file's.
    func withBytes<Result>(
        _ name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let file = "\(path)/\(name)"
        switch content {
        case .directory:
            let mapped = try MappedFile.open(file)
            return try locating("read", file) { try mapped.withBytesOnce(body) }
        case .archive(let bytes, let places):
            return try locating("read", file) {
                guard let place = places[name] else {
                    throw VitvideoError.badData("it is not in the archive")
                }
                return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[place])) }
            }
        }
    }

    /// The lines of a text file without the empty ones.
    func lines(_ name: String) throws -> [String] {
        try withBytes(name) { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw VitvideoError.badData("it is not a text file")
            }
            return text.split(whereSeparator: \.isNewline).map(\.trimmed).filter { !$0.isEmpty }
        }
    }
}
