import Base
import Files
import Glibc

/// What a file is that FFmpeg does not read as a video or picture: the reason, and what helps.
struct FileKind {
    let reason: String
    let advice: String

    /// - Returns: nil for a source that is no file, or a file of no known kind.
    init?(of source: MediaSource) {
        guard source.isRegularFile, let file = ReadableFile(source.filePath),
            let head = try? file.read(4096, at: 0), !head.isEmpty,
            let kind = head.withUnsafeBytes({ FileKind(head: FileBytes($0), text: FileKind.text(head)) })
        else { return nil }
        self = kind
    }

    private init(_ reason: String, _ advice: String) {
        self.reason = reason
        self.advice = advice
    }

    /// - Parameters:
    ///   - head: the first bytes of the file.
    ///   - text: the same, where they are text.
    private init?(head: FileBytes, text: String?) {
        if let kind = FileKind.archive(head) ?? FileKind.picture(head) ?? text.flatMap(FileKind.list) {
            self = kind
        } else if head.has("%PDF") {
            self.init("it is a PDF document", "save its pages as PNG files")
        } else if text != nil {
            self.init("it is text", "check that it is the right file")
        } else {
            return nil
        }
    }

    private static func archive(_ head: FileBytes) -> FileKind? {
        let name: String
        switch head.number(at: 0, size: 4) ?? 0 {
        case 0x1f8b_0000...0x1f8b_ffff: name = "compressed with gzip"
        case 0xfd37_7a58: name = "compressed with xz"
        case 0x425a_6800...0x425a_68ff: name = "compressed with bzip2"
        case 0x28b5_2ffd: name = "compressed with Zstandard"
        case 0x504b_0304: name = "a ZIP archive"
        case 0x377a_bcaf: name = "a 7-Zip archive"
        case 0x5261_7221: name = "a RAR archive"
        default:
            guard head.has("ustar", at: 257) else { return nil }
            name = "a tar archive"
        }
        return FileKind("it is \(name)", "unpack it first")
    }

    private static func picture(_ head: FileBytes) -> FileKind? {
        // https://developers.google.com/speed/webp/docs/riff_container#extended_file_format
        if head.has("RIFF"), head.has("WEBP", at: 8), head.has("VP8X", at: 12),
            let flags = head.number(at: 20, size: 1), flags & 2 != 0
        {
            return FileKind(
                "it is an animated WebP, which FFmpeg does not read", "turn it into a GIF or a video first")
        }
        if head.has("II+\0") || head.has("MM\0+") {
            return FileKind("it is a BigTIFF file, which FFmpeg does not read", "save it as TIFF or PNG")
        }
        guard head.has("ftyp", at: 4), let length = head.number(at: 0, size: 4) else { return nil }
        let brands = stride(from: 8, to: min(length, 256), by: 4)
        if brands.contains(where: { head.has("avif", at: $0) }) {
            return FileKind(
                "it is an AVIF picture of a kind that FFmpeg does not read", "save it as PNG or JPEG")
        }
        let isHEIC = brands.contains { place in
            head.has("heic", at: place) || head.has("heix", at: place) || head.has("heim", at: place)
                || head.has("heis", at: place) || head.has("mif1", at: place)
        }
        guard isHEIC else { return nil }
        return FileKind(
            "it is a HEIC picture, which FFmpeg \(FFmpegLibrary.version.prefix { $0 != "-" }) does not read",
            "save it as JPEG or PNG, as heif-convert does")
    }

    /// Lists of files and descriptions of streams, which would open other files or the network.
    private static func list(_ text: String) -> FileKind? {
        let start = text.drop(while: \.isWhitespace).prefix(512).lowercased()
        func isIn(_ mark: String) -> Bool { start.contains(mark) }
        if start.hasPrefix("#extm3u") || start.hasPrefix("[playlist]") || start.hasPrefix("ffconcat version")
        {
            return FileKind(
                "it is a playlist, which names other files", "give one of these files, or join them first")
        }
        if isIn("<mpd") || isIn("<smoothstreamingmedia") {
            return FileKind(
                "it is a playlist of a stream on the network", "record the stream into a file first")
        }
        if start.hasPrefix("v=0"), isIn("\nm=") || isIn("\r\nm=") || isIn("\no=") || isIn("\r\no=") {
            return FileKind(
                "it describes a stream on the network (SDP) and holds no picture itself",
                "record the stream into a file first")
        }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
            return FileKind("it is a web page", "open the address in a browser to see what went wrong")
        }
        return nil
    }

    /// The bytes as text, where they are nothing else.
    private static func text(_ bytes: [UInt8]) -> String? {
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f || [0x09, 0x0a, 0x0d].contains($0) }
        return isText ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
