import Base
import CFFmpeg

/// Owns one `AVFrame`.
final class FrameHandle {
    let frame: UnsafeMutablePointer<AVFrame>
    /// How the picture file says that the frame is turned.
    var orientation: Orientation?
    /// Whether its samples had more than 8 bits.
    var isNarrowed = false

    /// A frame without buffers.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    init() throws {
        guard let frame = av_frame_alloc() else { throw VitvideoError.outOfMemory("hold a frame") }
        self.frame = frame
    }

    /// A frame with buffers of its own, rows aligned and padded as FFmpeg's vector code wants them.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    convenience init(size: PictureSize, format: AVPixelFormat) throws {
        try self.init()
        frame.pointee.height = Int32(size.height)
        frame.pointee.width = Int32(size.width)
        frame.pointee.format = format.rawValue
        let code = av_frame_get_buffer(frame, 0)
        guard code >= 0 else {
            throw VitvideoError.ffmpeg(
                .unavailable, cannot: "hold a frame of \(size.height)×\(size.width)",
                reason: "FFmpeg gave no buffer", code: code)
        }
    }

    /// An RGB24 frame of `height × width` whose pixels lie in `pixels`, rows packed without padding. The
    /// frame must be gone before the memory is.
    /// - Parameter pixels: `height × width × 3` bytes, owned by the caller.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    convenience init(lending pixels: UnsafeMutableBufferPointer<UInt8>, size: PictureSize) throws {
        try self.init()
        frame.pointee.height = Int32(size.height)
        frame.pointee.width = Int32(size.width)
        frame.pointee.format = AV_PIX_FMT_RGB24.rawValue
        frame.pointee.linesize.0 = Int32(size.width * 3)
        frame.pointee.data.0 = pixels.baseAddress
        // libswscale takes a frame without a reference-counted buffer for one that it has to allocate.
        frame.pointee.buf.0 = av_buffer_create(pixels.baseAddress, pixels.count, { _, _ in }, nil, 0)
        guard frame.pointee.buf.0 != nil else { throw VitvideoError.outOfMemory("hold a frame") }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&owned)
    }

    var pixelFormat: AVPixelFormat { AVPixelFormat(frame.pointee.format) }
    /// FFmpeg's name of the pixel format.
    var pixelFormatName: String { av_get_pix_fmt_name(pixelFormat).map { String(cString: $0) } ?? "unknown" }
    var size: PictureSize {
        PictureSize(height: Int(frame.pointee.height), width: Int(frame.pointee.width))
    }
}
