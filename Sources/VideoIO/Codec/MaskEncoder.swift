import Base
import CFFmpeg
import Pixels

/// Encodes masks one by one to complete PNG files in memory: 8 bits a pixel, with the palette of DAVIS.
///
/// FFmpeg's encoder takes the indices as they are. What it writes depends on nothing but them.
final class MaskEncoder {
    let size: PictureSize
    private let context: UnsafeMutablePointer<AVCodecContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    private var counter: Int64 = 0

    /// The palette as FFmpeg wants it: opaque, each color a number of 32 bits.
    private static let palette: [UInt32] = (0...UInt8.max).map { index in
        let color = DAVISPalette.color(of: index)
        return 0xff << 24 | UInt32(color.red) << 16 | UInt32(color.green) << 8 | UInt32(color.blue)
    }

    /// - Throws: `VitvideoError` of kind `unavailable` where this FFmpeg does not encode PNG pictures of the size.
    init(size: PictureSize) throws {
        self.size = size
        guard let codec = avcodec_find_encoder(AV_CODEC_ID_PNG) else {
            throw VitvideoError(
                .unavailable, cannot: "encode a mask", reason: "this FFmpeg has no PNG encoder")
        }
        guard let packet = av_packet_alloc(), let context = avcodec_alloc_context3(codec) else {
            throw VitvideoError.outOfMemory("encode a mask")
        }
        (self.packet, self.context) = (packet, context)
        context.pointee.width = Int32(clamping: size.width)
        context.pointee.height = Int32(clamping: size.height)
        context.pointee.pix_fmt = AV_PIX_FMT_PAL8
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.time_base = AVRational(num: 1, den: 25)
        // With more threads, a picture would come out only after others have gone in.
        context.pointee.thread_count = 1
        let code = MediaLog.listening { _ in avcodec_open2(context, codec, nil) }
        guard code >= 0 else { throw failure(code) }
    }

    deinit {
        var ownedContext: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&ownedContext)
        var ownedPacket: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&ownedPacket)
    }

    /// The file's bytes.
    ///
    /// - Precondition: the mask has the encoder's size.
    /// - Throws: `VitvideoError` of kind `unavailable` where the encoder fails.
    func encode(_ mask: IndexMask) throws -> [UInt8] {
        precondition(mask.height == size.height && mask.width == size.width, "the mask has another size")
        let handle = try FrameHandle(size: size, format: AV_PIX_FMT_PAL8)
        fill(handle.frame.pointee, from: mask)
        handle.frame.pointee.pts = counter
        counter += 1
        var code = avcodec_send_frame(context, handle.frame)
        guard code >= 0 else { throw failure(code) }
        code = avcodec_receive_packet(context, packet)
        guard code >= 0 else { throw failure(code) }
        defer { av_packet_unref(packet) }
        return [UInt8](packet.bytes)
    }

    private func fill(_ frame: AVFrame, from mask: IndexMask) {
        guard let pixels = frame.data.0, let colors = frame.data.1 else { return }
        mask.indices.withUnsafeBufferPointer { indices in
            guard let start = indices.baseAddress else { return }
            for row in 0..<size.height {
                (pixels + row * Int(frame.linesize.0)).update(
                    from: start + row * size.width, count: size.width)
            }
        }
        Self.palette.withUnsafeBytes {
            UnsafeMutableRawPointer(colors).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
    }

    private func failure(_ code: Int32) -> VitvideoError {
        VitvideoError.ffmpeg(
            .unavailable, cannot: "encode a mask of \(size.width)x\(size.height)",
            reason: "the PNG encoder failed", code: code)
    }
}
