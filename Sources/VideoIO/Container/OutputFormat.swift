import Base
import CFFmpeg
import Glibc

/// What a file name's extension asks for.
package enum OutputFormat: Equatable {
    /// A container with a video stream, by the name of FFmpeg's muxer and the codec it gets by default.
    case movie(muxer: String, defaultCodec: String)
    case gif
    /// One picture.
    case still(codec: String)
    /// Numbered pictures.
    case sequence(codec: String)

    static let extensions = "mp4, m4v, mov, mkv, webm, gif, png, jpg"

    /// - Throws: `VitvideoError` of kind `usage` for an extension that is not written.
    package init(path: String) throws {
        let ending = path.pathExtension
        switch ending {
        case "mp4", "m4v": self = .movie(muxer: "mp4", defaultCodec: "h264")
        case "mov": self = .movie(muxer: "mov", defaultCodec: "h264")
        case "mkv": self = .movie(muxer: "matroska", defaultCodec: "h264")
        case "webm": self = .movie(muxer: "webm", defaultCodec: "vp9")
        case "gif": self = .gif
        case "png", "jpg", "jpeg":
            let codec = ending == "png" ? "png" : "mjpeg"
            self = NumberedName(pattern: path) == nil ? .still(codec: codec) : .sequence(codec: codec)
        default:
            throw VitvideoError(
                .usage, cannot: "write", path: path,
                reason: ending.isEmpty
                    ? "the name has no extension to choose a format by"
                    : "the format .\(ending) is not written",
                nextStep: .advice("use one of \(OutputFormat.extensions)"))
        }
    }

    /// Whether the format can hold sound.
    var takesAudio: Bool { if case .movie = self { true } else { false } }

    /// Whether frames go to numbered files.
    package var holdsSeveralPictures: Bool { if case .sequence = self { true } else { false } }

    /// Whether frames become a film, not pictures.
    package var isFilm: Bool {
        switch self {
        case .movie, .gif: true
        case .still, .sequence: false
        }
    }

    /// `out.mp4` as `out.mkv`.
    static func withExtension(_ ending: String, _ path: String) -> String {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else {
            return path + ".\(ending)"
        }
        return path[...dot] + ending
    }

    /// The first file of an output, which is the only one but of numbered pictures.
    package static func firstPath(of path: String) -> String { NumberedName(pattern: path)?.path(1) ?? path }

    /// `out.mp4` as `out.partial.mp4`.
    package static func partialName(of path: String) -> String {
        path.insertingBeforeExtension(".partial")
    }
}
