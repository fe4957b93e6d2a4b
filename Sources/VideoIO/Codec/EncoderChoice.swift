import Base
import CFFmpeg
import Glibc

/// Which encoder to use, with what pixel format and settings.
struct EncoderChoice {
    let codec: UnsafePointer<AVCodec>
    let format: AVPixelFormat
    /// Whether the encoder keeps timestamps of any clock. The others are given frame numbers: MPEG-4, for
    /// example, has no clock finer than 1/65535 s.
    let keepsClock: Bool

    var name: String { String(cString: codec.pointee.name) }

    /// Rows and columns come in multiples of this.
    var blockSize: PictureSize {
        guard let descriptor = av_pix_fmt_desc_get(format), descriptor.pointee.nb_components >= 3 else {
            return PictureSize(height: 1, width: 1)
        }
        return PictureSize(
            height: 1 << Int(descriptor.pointee.log2_chroma_h),
            width: 1 << Int(descriptor.pointee.log2_chroma_w))
    }

    var isRGB: Bool {
        format == AV_PIX_FMT_PAL8
            || av_pix_fmt_desc_get(format).map { $0.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB) != 0 }
                ?? false
    }

    /// - Parameters:
    ///   - name: an encoder's (`libx264`) or a codec's (`h264`).
    ///   - size: of the pictures.
    /// - Throws: `VitvideoError` of kind `usage` for an unknown name, `unavailable` for a codec without
    ///   encoder.
    init(named name: String, size: PictureSize) throws {
        guard let codec = EncoderChoice.encoder(named: name, size: size) else {
            let isCodec = avcodec_descriptor_get_by_name(name) != nil
            throw VitvideoError(
                isCodec ? .unavailable : .usage, cannot: "encode with '\(name)'",
                reason: isCodec ? "this FFmpeg has no encoder for it" : "there is no such video codec",
                nextStep: .advice("try h264, hevc, vp9, av1, ffv1, prores or mpeg4"))
        }
        self.codec = codec
        format = try EncoderChoice.pixelFormat(for: codec)
        keepsClock = [
            AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1,
        ].contains(codec.pointee.id)
    }

    private static func encoder(named name: String, size: PictureSize) -> UnsafePointer<AVCodec>? {
        // Where FFmpeg has several encoders for a codec, the one that is fast and widely built in.
        let preferred = [
            "h264": "libx264", "hevc": "libx265", "h265": "libx265", "vp8": "libvpx", "vp9": "libvpx-vp9",
            // SVT-AV1 refuses pictures of fewer than 64 rows or columns.
            "av1": min(size.height, size.width) >= 64 ? "libsvtav1" : "libaom-av1", "prores": "prores_ks",
        ]
        if let choice = preferred[name], let codec = avcodec_find_encoder_by_name(choice) { return codec }
        let codec =
            avcodec_find_encoder_by_name(name)
            ?? avcodec_descriptor_get_by_name(name).flatMap { avcodec_find_encoder($0.pointee.id) }
        guard let codec, codec.pointee.type == AVMEDIA_TYPE_VIDEO else { return nil }
        return codec
    }

    /// yuv420p where the encoder has it, since every player takes that; RGB for lossless encoders.
    private static func pixelFormat(for codec: UnsafePointer<AVCodec>) throws -> AVPixelFormat {
        // The one raw format that both MOV and Matroska hold.
        if codec.pointee.id == AV_CODEC_ID_RAWVIDEO { return AV_PIX_FMT_UYVY422 }
        guard let list = codec.pointee.pix_fmts else { return AV_PIX_FMT_YUV420P }
        var offered: [AVPixelFormat] = []
        var next = list
        while next.pointee != cff_pixel_format_none() {
            offered.append(next.pointee)
            next += 1
        }
        let rgb = [
            AV_PIX_FMT_RGB24, AV_PIX_FMT_BGR0, AV_PIX_FMT_BGR24, AV_PIX_FMT_GBRP, AV_PIX_FMT_0RGB,
            AV_PIX_FMT_BGRA,
        ]
        let yuv = [
            AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P,
            AV_PIX_FMT_YUV444P10LE, AV_PIX_FMT_YUV420P10LE,
        ]
        let properties = avcodec_descriptor_get(codec.pointee.id)?.pointee.props ?? 0
        let isLossless = properties & AV_CODEC_PROP_LOSSLESS != 0 && properties & AV_CODEC_PROP_LOSSY == 0
        let order = isLossless ? rgb + yuv : yuv + rgb
        if codec.pointee.id == AV_CODEC_ID_MJPEG { return AV_PIX_FMT_YUVJ444P }
        if codec.pointee.id == AV_CODEC_ID_GIF { return AV_PIX_FMT_PAL8 }
        guard let format = order.first(where: offered.contains) else {
            throw VitvideoError(
                .unavailable, cannot: "encode with '\(String(cString: codec.pointee.name))'",
                reason: "it takes none of the usual pixel formats", nextStep: .advice("try h264"))
        }
        return format
    }

    /// Sets quality and speed where the encoder knows them.
    /// - Parameters:
    ///   - crf: constant rate factor, 0 for lossless up to 51 (63 for VP9 and AV1).
    ///   - preset: one of x264's names; other encoders get their nearest speed.
    ///   - isRepeatable: whether the same pictures must always give the same bytes.
    func apply(
        crf: Double, preset: String, isRepeatable: Bool, to context: UnsafeMutablePointer<AVCodecContext>
    ) throws {
        guard let settings = context.pointee.priv_data else { return setQuantizer(crf, context) }
        func has(_ option: String) -> Bool { av_opt_find(settings, option, nil, 0, 0) != nil }
        func set(_ option: String, _ value: String) throws {
            let code = av_opt_set(settings, option, value, 0)
            guard code >= 0 else {
                throw VitvideoError.ffmpeg(
                    .usage, cannot: "encode with \(name)",
                    reason: "it does not take '\(value)' for \(option)",
                    code: code)
            }
        }
        if has("crf") {
            // Without a bit rate these encoders hold the quality.
            context.pointee.bit_rate = 0
            try set("crf", name == "libx264" || name == "libx265" ? "\(crf)" : "\(Int(crf.rounded()))")
        } else {
            setQuantizer(crf, context)
        }
        switch name {
        case "libsvtav1":
            // It writes to standard error by itself, and takes its log level from nowhere else.
            setenv("SVT_LOG", "0", 0)
            try set("preset", try speed(preset, [12, 11, 10, 9, 8, 7, 6, 4, 2, 0]))
        case "libvpx", "libvpx-vp9":
            try set("cpu-used", try speed(preset, [5, 5, 4, 4, 3, 2, 1, 0, 0, 0]))
            try set("deadline", "good")
            if has("row-mt") { try set("row-mt", "1") }
        case "libaom-av1":
            try set("cpu-used", try speed(preset, [8, 7, 6, 6, 5, 4, 3, 2, 1, 0]))
            try set("row-mt", "1")
        case "libx265":
            try set("preset", try known(preset))
            // It, too, would write to standard error.
            try set("x265-params", "log-level=none")
        case "libx264", "libx264rgb":
            try set("preset", try known(preset))
            // Its vector code for macroblock trees reads uninitialized memory (build 164): an encoder that is
            // not the first one of the process gives other bytes.
            if isRepeatable { try set("x264-params", "mbtree=0") }
        default: break
        }
    }

    private static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
        "placebo",
    ]

    /// The preset itself, for encoders that know x264's names and would print an unknown one to standard
    /// error.
    private func known(_ preset: String) throws -> String {
        _ = try speed(preset, Array(EncoderChoice.presets.indices))
        return preset
    }

    private func speed(_ preset: String, _ speeds: [Int]) throws -> String {
        if Int(preset) != nil { return preset }
        guard let rank = EncoderChoice.presets.firstIndex(of: preset) else {
            throw VitvideoError(
                .usage, cannot: "encode with \(name)", reason: "there is no preset '\(preset)'",
                nextStep: .advice("use one of \(EncoderChoice.presets.joined(separator: ", "))"))
        }
        return String(speeds[rank])
    }

    /// Encoders without a rate factor get a fixed quantizer of similar quality: 3 of 31 for the default 18.
    private func setQuantizer(_ crf: Double, _ context: UnsafeMutablePointer<AVCodecContext>) {
        context.pointee.flags |= AV_CODEC_FLAG_QSCALE
        context.pointee.global_quality = Int32(max(1, min(31, (crf / 6).rounded()))) * FF_QP2LAMBDA
    }
}
