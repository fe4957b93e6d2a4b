import Base
import CFFmpeg
import Foundation

/// Where frames come from: a file, standard input, a numbered sequence of pictures, or a server.
///
/// FFmpeg takes `a:b.mp4` for a protocol, so paths are always handed to it with an explicit one.
struct MediaSource: Sendable {
    enum Kind: Sendable, Equatable {
        case file
        case standardInput
        /// A pattern such as `f%03d.png`, and the number of its first picture.
        case sequence(firstNumber: Int)
        /// An `http://` or `https://` address.
        case network
    }

    let path: String
    let kind: Kind
    /// What is wrong with the source short of making it unreadable.
    private(set) var warnings: [MediaWarning] = []

    var url: String {
        switch kind {
        case .standardInput: "pipe:0"
        case .file where path == "-": "file:/dev/stdin"
        case .file, .sequence: "file:\(path)"
        case .network: path
        }
    }

    /// Whether it can be opened a second time from its beginning, at no great cost.
    var canReopen: Bool { kind != .standardInput && kind != .network }

    /// Looks at `path` and says what it is.
    /// - Parameter allowsNetwork: whether addresses of servers are taken.
    /// - Throws: `VideoIOError` of kind `noInput` where there is nothing to read, or of kind `badData` for an
    ///   empty file.
    init(path: String, allowsNetwork: Bool = false) throws {
        func fail(_ reason: String, _ nextStep: String? = nil) -> VideoIOError {
            VideoIOError(.noInput, "read", path: path, reason: reason, nextStep: nextStep)
        }
        self.path = path
        var status = stat()
        if path == "-" {
            // A file put on standard input is opened by that name, so that it can be searched as any other.
            let isFile = fstat(STDIN_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            kind = isFile ? .file : .standardInput
            if isFile, status.st_size == 0 {
                throw VideoIOError(.badData, "read", path: path, reason: "the file is empty")
            }
            return
        }
        guard stat(path, &status) == 0 else {
            let code = errno
            if let sequence = try ImageSequence(pattern: path) {
                kind = .sequence(firstNumber: sequence.firstNumber)
                warnings = sequence.warnings
                return
            }
            if path.contains("://") {
                let isWeb = path.hasPrefix("http://") || path.hasPrefix("https://")
                guard isWeb else { throw fail("only files and standard input are read", "download it first") }
                guard allowsNetwork else {
                    throw fail(
                        "the network is not used unless asked", "use --allow-network, or download it first")
                }
                kind = .network
                return
            }
            throw fail(systemText(code))
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            throw fail(
                "it is a directory", "for a folder of pictures name the pattern, as in \(path)/frame%04d.png")
        case S_IFREG where status.st_size == 0:
            throw VideoIOError(.badData, "read", path: path, reason: "the file is empty")
        default:
            guard access(path, R_OK) == 0 else { throw fail(systemText(errno)) }
            kind = .file
        }
    }
}

extension MediaSource {
    /// Whether a second reading finds the same again: not so for standard input, named pipes and devices.
    var isRepeatable: Bool {
        if case .sequence = kind { return true }
        var status = stat()
        guard kind == .file, (path == "-" ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0 else {
            return false
        }
        return status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether a file of a format that marks its end, or says its length, was cut short: FFmpeg's demuxers for
    /// these do not look.
    func lacksEndMark(format: String) -> Bool {
        if format == "avi" { return isShorterThanRIFF }
        if format == "gif" { return hasBrokenGIFBlocks }
        let mark: [UInt8]
        switch format {
        case "image2" where path.lowercased().hasSuffix("jpg") || path.lowercased().hasSuffix("jpeg"),
            "jpeg_pipe":
            mark = [0xff, 0xd9]
        default: return false
        }
        guard kind == .file, let handle = FileHandle(forReadingAtPath: path),
            let size = try? handle.seekToEnd(),
            (try? handle.seek(toOffset: size > 65_536 ? size - 65_536 : 0)) != nil,
            let tail = try? handle.readToEnd()
        else { return false }
        // Programs append notes of their own after the end of a JPEG picture, so the mark may be anywhere here.
        return tail.range(of: Data(mark)) == nil
    }
}

extension MediaSource {
    /// Whether the blocks of a GIF file do not lead to its trailer.
    private var hasBrokenGIFBlocks: Bool {
        guard kind == .file,
            let bytes = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        else { return false }
        return GIFStructure.firstFault(in: bytes) != nil
    }

    /// Whether the length in a RIFF file's header reaches beyond the file.
    fileprivate var isShorterThanRIFF: Bool {
        guard kind == .file, let handle = FileHandle(forReadingAtPath: path),
            let head = try? handle.read(upToCount: 8), head.count == 8, let size = try? handle.seekToEnd()
        else { return false }
        let length = head.suffix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return length + 8 > size
    }
}

/// A run of numbered pictures named by a printf-like pattern, `frames/f%03d.png`.
struct ImageSequence {
    let firstNumber: Int
    let count: Int
    private(set) var warnings: [MediaWarning] = []

    /// - Returns: `nil` where the text holds no `%d` or `%0Nd`.
    /// - Throws: `VideoIOError` of kind `noInput` where no file matches.
    init?(pattern: String) throws {
        guard let name = NumberedName(pattern: pattern) else { return nil }
        let numbers = name.existingNumbers()
        guard let first = numbers.first else {
            throw VideoIOError(.noInput, "read", path: pattern, reason: "no file matches this pattern")
        }
        var last = first
        for number in numbers.dropFirst() where number == last + 1 { last = number }
        firstNumber = first
        count = last - first + 1
        if let beyond = numbers.last, beyond > last {
            warnings.append(
                MediaWarning(
                    .damage,
                    "\(pattern): number \(last + 1) is missing, so the sequence ends there although it goes on to \(beyond)"
                ))
        }
    }
}

/// A file name with one `%d` or `%0Nd` in its last component.
struct NumberedName {
    let directory: String
    private let prefix: String
    private let suffix: String
    private let width: Int

    init?(pattern: String) {
        let url = pattern.lastIndex(of: "/")
        directory = url.map { String(pattern[..<$0]) } ?? ""
        let name = url.map { pattern[pattern.index(after: $0)...] } ?? pattern[...]
        guard let match = name.firstMatch(of: /%(?:0(\d{1,2}))?d/) else { return nil }
        prefix = name[..<match.range.lowerBound].replacingOccurrences(of: "%%", with: "%")
        suffix = name[match.range.upperBound...].replacingOccurrences(of: "%%", with: "%")
        width = match.output.1.flatMap { Int($0) } ?? 0
    }

    /// The path of picture `number`.
    func path(_ number: Int) -> String {
        let digits = String(number)
        let name = prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits + suffix
        return directory.isEmpty && prefix.first != "/" ? name : "\(directory)/\(name)"
    }

    /// The numbers that have a file, ascending.
    func existingNumbers() -> [Int] {
        let folder = directory.isEmpty ? "." : directory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name -> Int? in
            guard name.hasPrefix(prefix), name.hasSuffix(suffix),
                name.count > prefix.count + suffix.count
            else { return nil }
            let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
            guard digits.count >= max(width, 1), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(digits), digits.count == max(width, String(number).count)
            else { return nil }
            return number
        }.sorted()
    }
}
