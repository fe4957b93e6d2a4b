import Testing

/// The video encoders of this FFmpeg, each with the pixel formats it takes and a container that holds it.
struct EncoderTable {
    struct Entry: Sendable, CustomTestStringConvertible {
        let encoder: String
        let pixelFormat: String
        let fileExtension: String
        let frames: Int
        let size: String
        let options: [String]

        var testDescription: String { "\(encoder) \(pixelFormat)" }
    }

    /// Extensions of single pictures.
    private static let stills = [
        "alias_pix": "pix", "bmp": "bmp", "dpx": "dpx", "exr": "exr", "fits": "fits", "jpeg2000": "jp2",
        "jpegls": "jls", "libjxl": "jxl", "libopenjpeg": "j2k", "libwebp": "webp", "ljpeg": "jpg",
        "pam": "pam",
        "pbm": "pbm", "pcx": "pcx", "pfm": "pfm", "pgm": "pgm", "pgmyuv": "pgmyuv", "phm": "phm",
        "png": "png",
        "ppm": "ppm", "qoi": "qoi", "sgi": "sgi", "sunrast": "ras", "targa": "tga", "tiff": "tiff",
        "vbn": "vbn", "xbm": "xbm", "xface": "xface", "xwd": "xwd",
    ]

    /// Containers of moving pictures; the others go into NUT, which takes everything.
    private static let containers = [
        "amv": "amv", "apng": "apng", "asv1": "avi", "asv2": "avi", "avui": "mov", "cinepak": "avi",
        "cljr": "avi", "dnxhd": "mxf", "dvvideo": "dv", "ffvhuff": "avi", "flashsv": "flv", "flashsv2": "flv",
        "flv": "flv", "gif": "gif", "h261": "h261", "h263": "h263", "hap": "mov", "huffyuv": "avi",
        "libaom-av1": "mp4", "librav1e": "mkv", "libsvtav1": "mp4", "libtheora": "ogv", "libvpx": "webm",
        "libvpx-vp9": "webm", "libx264": "mp4", "libx265": "mp4", "magicyuv": "avi",
        "mjpeg": "avi", "mpeg1video": "mpg", "mpeg2video": "vob", "msmpeg4": "avi", "msmpeg4v2": "avi",
        "prores": "mov", "prores_aw": "mov", "prores_ks": "mov", "qtrle": "mov", "r10k": "mov", "r210": "mov",
        "roqvideo": "roq", "rpza": "mov", "rv10": "rm", "rv20": "rm", "smc": "mov", "svq1": "mov",
        "utvideo": "avi", "v308": "mov", "v408": "mov", "v410": "mov", "wmv1": "asf", "wmv2": "asf",
        "zmbv": "avi",
    ]

    /// Sizes that an encoder insists on.
    private static let sizes = [
        "amv": "64x64", "avui": "720x486", "cfhd": "64x64", "dnxhd": "1920x1080", "dvvideo": "720x576",
        "flv": "176x144", "h261": "176x144", "h263": "176x144", "hap": "64x64", "roqvideo": "64x64",
        "rv10": "176x144", "rv20": "176x144", "snow": "64x64", "vbn": "64x64", "vc2": "64x64",
        "xface": "48x48",
    ]

    /// Without its own, Theora's encoder drops frames, and DNxHD's refuses.
    private static let quality = ["dnxhd": ["-b:v", "36M"], "libtheora": ["-g", "1", "-q:v", "7"]]

    static func all() throws -> [Entry] { try encoders().flatMap { try entries(of: $0) } }

    static func encoders() throws -> [String] {
        try lines(["-encoders"]).compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 1, words[0].first == "V", words[0].count == 6, words[1] != "=" else {
                return nil
            }
            return isExcluded(words[1]) ? nil : String(words[1])
        }
    }

    /// Encoders that need a graphics card or write what FFmpeg itself does not read back.
    private static func isExcluded(_ encoder: Substring) -> Bool {
        encoder.contains(/_(nvenc|qsv|vaapi|v4l2m2m|omx)$/)
            || ["wrapped_avframe", "a64multi", "a64multi5", "libwebp_anim"].contains(encoder)
    }

    private static func entries(of encoder: String) throws -> [Entry] {
        let still = stills[encoder]
        return try pixelFormats(of: encoder).map { format in
            Entry(
                encoder: encoder, pixelFormat: format, fileExtension: still ?? containers[encoder] ?? "nut",
                frames: still == nil ? 3 : 1, size: sizes[encoder] ?? "64x48",
                options: (quality[encoder] ?? []) + (still == nil ? [] : ["-update", "1"]))
        }
    }

    private static func pixelFormats(of encoder: String) throws -> [String] {
        if encoder == "rawvideo" {
            return try lines(["-pix_fmts"]).compactMap { line in
                let words = line.split(separator: " ")
                return words.count > 1 && words[0].hasPrefix("IO") && words[0].count == 5
                    ? String(words[1]) : nil
            }
        }
        let marker = "Supported pixel formats: "
        guard
            let line = try lines(["-h", "encoder=\(encoder)"]).first(where: { $0.contains(marker) }),
            let range = line.range(of: marker)
        else { return ["yuv420p"] }
        return line[range.upperBound...].split(separator: " ").map(String.init)
    }

    private static func lines(_ arguments: [String]) throws -> [Substring] {
        try Program.run("ffmpeg", ["-hide_banner"] + arguments).output.split(separator: "\n")
    }
}
