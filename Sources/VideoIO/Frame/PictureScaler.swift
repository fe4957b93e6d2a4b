import Base
import CFFmpeg

/// Owns one libswscale context: converts pictures of one size and format into another, exactly and with the
/// same result on every machine.
final class PictureScaler {
    /// One side of a conversion.
    struct Layout: Equatable {
        var size: PictureSize
        var format: AVPixelFormat
        /// A `SWS_CS_` matrix.
        var matrix: Int32 = SWS_CS_ITU709
        var isFullRange = false
        /// In 1/256 luma pixels; -513 leaves the choice to libswscale.
        var chromaHorizontal: Int32 = -513
        var chromaVertical: Int32 = -513
    }

    private let context: OpaquePointer

    /// - Throws: `VitvideoError` of kind `unavailable` where libswscale does not take a layout.
    init(from source: Layout, to destination: Layout, threads: Int) throws {
        func fail(_ code: Int32?) -> VitvideoError {
            let name = av_get_pix_fmt_name(source.format).map { String(cString: $0) } ?? "an unknown format"
            return VitvideoError.ffmpeg(
                .unavailable, cannot: "convert \(name) pictures", reason: "libswscale does not take them",
                code: code)
        }
        guard sws_isSupportedInput(source.format) > 0, let context = sws_alloc_context() else {
            throw fail(nil)
        }
        self.context = context
        let object = UnsafeMutableRawPointer(context)
        let options: [(String, Int64)] = [
            ("srcw", Int64(source.size.width)), ("srch", Int64(source.size.height)),
            ("src_format", Int64(source.format.rawValue)), ("src_range", source.isFullRange ? 1 : 0),
            ("dstw", Int64(destination.size.width)), ("dsth", Int64(destination.size.height)),
            ("dst_format", Int64(destination.format.rawValue)),
            ("dst_range", destination.isFullRange ? 1 : 0),
            ("src_h_chr_pos", Int64(source.chromaHorizontal)),
            ("src_v_chr_pos", Int64(source.chromaVertical)),
            ("dst_h_chr_pos", Int64(destination.chromaHorizontal)),
            ("dst_v_chr_pos", Int64(destination.chromaVertical)),
            ("sws_flags", Int64(cff_sws_exact_flags())), ("threads", Int64(max(1, threads))),
        ]
        for (name, value) in options {
            let code = av_opt_set_int(object, name, value, 0)
            guard code >= 0 else { throw fail(code) }
        }
        // Before the context is ready, this call replaces the format XYZ by RGB and would take the picture
        // for RGB.
        let isXYZ = [AV_PIX_FMT_XYZ12LE, AV_PIX_FMT_XYZ12BE].contains(source.format)
        if !isXYZ { setColors(from: source, to: destination) }
        let code = MediaLog.listening { _ in sws_init_context(context, nil, nil) }
        guard code >= 0 else { throw fail(code) }
        setColors(from: source, to: destination)
    }

    deinit { sws_freeContext(context) }

    /// Sets matrix and range: the options alone would leave BT.601.
    private func setColors(from source: Layout, to destination: Layout) {
        let one: Int32 = 1 << 16
        // A negative answer only says that neither side is YUV.
        _ = sws_setColorspaceDetails(
            context, sws_getCoefficients(source.matrix), source.isFullRange ? 1 : 0,
            sws_getCoefficients(destination.matrix), destination.isFullRange ? 1 : 0, 0, one, one)
    }

    /// Converts `source`, which has this scaler's source layout, into `destination`, which has buffers.
    /// - Throws: `VitvideoError` of kind `unavailable`.
    func convert(_ source: FrameHandle, into destination: FrameHandle) throws {
        let code = sws_scale_frame(context, destination.frame, source.frame)
        guard code >= 0 else {
            throw VitvideoError.ffmpeg(
                .unavailable, cannot: "convert a picture", reason: "libswscale failed", code: code)
        }
    }
}
