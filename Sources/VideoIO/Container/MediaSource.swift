import Base
import CFFmpeg
import Files
import FoundationEssentials
import Glibc

/// Where frames come from: a file, standard input, a numbered sequence of pictures, or a server.
///
/// FFmpeg takes `a:b.mp4` for a protocol, so paths are always handed to it with an explicit one.
struct MediaSource: Sendable {
    enum Kind: Sendable, Equatable {
        case file
        case standardInput
        /// The pictures of a pattern such as `f%03d.png`.
        case sequence(ImageSequence)
        /// An `http://` or `https://` address.
        case network
    }

    let path: String
    let kind: Kind
    /// What is wrong with the source, though it can be read.
    private(set) var warnings: [MediaWarning] = []

    var url: String {
        switch kind {
        case .standardInput: "pipe:0"
        case .file, .sequence: "file:\(filePath)"
        case .network: path
        }
    }

    /// The file's name for the system.
    var filePath: String { path == "-" ? "/dev/stdin" : path }

    /// Whether it can be opened a second time, from its beginning, cheaply.
    var canReopen: Bool { kind != .standardInput && kind != .network }

    /// Determines what `path` is.
    /// - Parameter allowsNetwork: whether addresses of servers are taken.
    /// - Throws: `VitvideoError` of kind `noInput` where there is nothing to read, or of kind `badData` for
    ///   an empty file.
    init(path: String, allowsNetwork: Bool = false) throws {
        func fail(_ reason: String, _ nextStep: NextStep? = nil) -> VitvideoError {
            VitvideoError(.noInput, cannot: "read", path: path, reason: reason, nextStep: nextStep)
        }
        self.path = path
        var status = stat()
        if path == "-" {
            // A file redirected to standard input is opened as /dev/stdin, so that it can be seeked in.
            let isFile = fstat(STDIN_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            kind = isFile ? .file : .standardInput
            if isFile, status.st_size == 0 {
                throw VitvideoError(.badData, cannot: "read", path: path, reason: "the file is empty")
            }
            return
        }
        guard FileSystem.stat(path, &status) == 0 else {
            let code = errno
            if let sequence = try ImageSequence(pattern: path) {
                kind = .sequence(sequence)
                warnings = sequence.warnings
                return
            }
            if path.contains("://") {
                let isWeb = path.hasPrefix("http://") || path.hasPrefix("https://")
                guard isWeb else {
                    throw fail("only files and standard input are read", .advice("download it first"))
                }
                guard allowsNetwork else {
                    throw fail("the network is not used unless asked", .allowNetwork)
                }
                kind = .network
                return
            }
            throw fail(systemText(code))
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            throw fail(
                "it is a directory",
                .advice("for a folder of pictures name the pattern, as in \(path)/frame%04d.png"))
        case S_IFREG where status.st_size == 0:
            throw VitvideoError(.badData, cannot: "read", path: path, reason: "the file is empty")
        default:
            guard FileSystem.access(path, R_OK) == 0 else { throw fail(systemText(errno)) }
            kind = .file
        }
    }
}

extension MediaSource {
    /// Whether a second reading gives the same: not so for standard input, named pipes and devices.
    var isRepeatable: Bool {
        if case .sequence = kind { return true }
        return isRegularFile
    }

    /// Not so for named pipes, which must not be opened twice, and devices.
    var isRegularFile: Bool {
        var status = stat()
        guard kind == .file,
            (path == "-" ? fstat(STDIN_FILENO, &status) : FileSystem.stat(path, &status)) == 0
        else {
            return false
        }
        return status.st_mode & S_IFMT == S_IFREG
    }

    /// What is wrong with the outermost parts of a file; nil where nothing is seen, and for what is no file.
    func outlineFault(format: String) -> String? {
        isRegularFile ? FileOutline.fault(in: filePath, format: format) : nil
    }

    /// Whether a file of a format that marks its end, or says its length, was cut short: FFmpeg's demuxers
    /// for these do not look.
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
        guard isRegularFile, let file = ReadableFile(filePath), let size = file.byteCount, size > 0,
            let tail = try? file.read(65_536, at: max(0, size - 65_536))
        else { return false }
        // Programs append data of their own after the end of a JPEG picture, so the mark may be anywhere
        // here.
        return tail.firstRange(of: mark) == nil
    }
}

extension MediaSource {
    /// Whether the blocks of a GIF file do not lead to its trailer.
    private var hasBrokenGIFBlocks: Bool {
        guard isRegularFile,
            let bytes = try? MappedFile.open(filePath).withBytes({ Data($0) })
        else { return false }
        return GIFStructure.firstFault(in: bytes) != nil
    }

    /// Whether the length in a RIFF file's header reaches beyond the file.
    fileprivate var isShorterThanRIFF: Bool {
        guard isRegularFile, let file = ReadableFile(filePath), let head = try? file.read(8, at: 0),
            head.count == 8, let size = file.byteCount
        else { return false }
        let length = head.suffix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return length + 8 > UInt64(size)
    }
}
