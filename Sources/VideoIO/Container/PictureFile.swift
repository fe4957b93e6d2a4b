import Base
import CFFmpeg
import Files
import Glibc
import Pixels

/// One picture of a numbered sequence, decoded.
struct PictureFile {
    let handle: FrameHandle
    let tags: FrameTags
    let codecName: String
    let pixelFormatName: String
    let formatName: String
    /// What is wrong with the file, though a picture came out of it.
    let damage: [MediaWarning]

    /// Decodes the first picture of a file, whatever its name says that the file is.
    /// - Throws: `VitvideoError` of kind `noInput` or `badData` where no picture can be had, `unavailable`
    ///   where FFmpeg lacks the decoder or memory.
    init(path: String) throws {
        try PictureFile.check(path)
        let demuxer = try Demuxer(source: MediaSource(path: path), sequenceFrameRate: Rational(25, 1))
        let videoStream = try demuxer.videoStream(nil)
        let session = try DecodeSession(
            demuxer: demuxer, videoStream: videoStream, audioStreams: [], threads: 1)
        guard let first = try session.nextFrame(onAudio: { _ in }) else {
            throw VideoReader.noFrame(session)
        }
        handle = first
        tags = FrameTags(of: first, demuxer: demuxer, videoStream: videoStream)
        codecName = session.decoder.codecName
        formatName = demuxer.formatName
        pixelFormatName = first.pixelFormatName

        var report = DamageReport(
            inputName: path, formatName: formatName, pixelFormatName: pixelFormatName,
            startsAtFirstPacket: true)
        report.add(first.frame.pointee)
        var warnings: [MediaWarning] = []
        // That its end is missing, a file only says there.
        if try session.nextFrame(onAudio: { _ in }) == nil {
            warnings = report.losses(session, frames: 1)
        } else {
            warnings.append(
                MediaWarning(.picture, "\(path) holds several pictures; the sequence shows its first one"))
        }
        damage = report.repairs(session) + warnings
    }

    /// Whether there is a file with something in it.
    static func isReadable(_ path: String) -> Bool { (try? check(path)) != nil }

    /// Refuses what is no file with something in it. A named pipe would keep the reader waiting.
    private static func check(_ path: String) throws {
        func fail(_ kind: VitvideoError.Kind, _ reason: String) -> VitvideoError {
            VitvideoError(kind, cannot: "read", path: path, reason: reason)
        }
        var status = stat()
        guard FileSystem.stat(path, &status) == 0 else {
            let code = errno
            var link = stat()
            let isDangling = code == ENOENT && FileSystem.lstat(path, &link) == 0
            throw fail(.noInput, isDangling ? "it is a link to a file that is not there" : systemText(code))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw fail(.noInput, "it is a directory")
        default: throw fail(.noInput, "it is not a regular file")
        }
        guard FileSystem.access(path, R_OK) == 0 else { throw fail(.noInput, systemText(errno)) }
    }
}
