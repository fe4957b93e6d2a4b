import Base
import CFFmpeg
import Pixels

/// Owns one of FFmpeg's decoders.
final class VideoDecoder: FrameDecoder {
    let codecName: String
    let pictureCount = 1
    let complaint: String? = nil
    private let context: UnsafeMutablePointer<AVCodecContext>
    private let path: String
    private(set) var damagedPackets = 0
    private(set) var encryptedPackets = 0
    private var isDraining = false
    private var lacksMemory = false

    /// - Throws: `VitvideoError` of kind `unavailable` where this FFmpeg cannot decode the stream.
    init(stream: UnsafeMutablePointer<AVStream>, path: String, threads: Int) throws {
        let parameters = stream.pointee.codecpar!
        let name = String(cString: avcodec_get_name(parameters.pointee.codec_id))
        self.path = path
        codecName = name
        guard let codec = avcodec_find_decoder(parameters.pointee.codec_id) else {
            let unknown = parameters.pointee.codec_id == AV_CODEC_ID_NONE
            throw VitvideoError(
                unknown ? .badData : .unavailable, cannot: "decode", path: path,
                reason: unknown
                    ? "its video codec is not known" : "this FFmpeg has no decoder for its codec, \(name)")
        }
        guard let context = avcodec_alloc_context3(codec) else {
            throw VitvideoError.outOfMemory("decode \(path)")
        }
        self.context = context
        // From here on a throw runs deinit, which frees the context.
        guard avcodec_parameters_to_context(context, parameters) >= 0 else {
            throw VitvideoError.outOfMemory("decode \(path)")
        }
        context.pointee.pkt_timebase = stream.pointee.time_base
        context.pointee.thread_count = Int32(clamping: max(0, threads))
        let code = MediaLog.listening { _ in avcodec_open2(context, codec, nil) }
        guard code >= 0 else {
            throw VitvideoError.ffmpeg(
                code == FFmpegCode.outOfMemory ? .unavailable : .badData, cannot: "decode", path: path,
                reason: "the \(name) decoder refuses the stream", code: code)
        }
    }

    deinit {
        // After a frame thread lacked memory, closing the decoder may fail an assertion in FFmpeg 5.1 and abort the
        // process. The error that is under way ends the process anyway, so the context is not freed.
        guard !lacksMemory else { return }
        var owned: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&owned)
    }

    func send(_ packet: UnsafeMutablePointer<AVPacket>?) throws {
        isDraining = packet == nil
        // Some decoders make pictures of them.
        if let packet, av_packet_get_side_data(packet, AV_PKT_DATA_ENCRYPTION_INFO, nil) != nil {
            encryptedPackets += 1
            damagedPackets += 1
            return
        }
        let code = avcodec_send_packet(context, packet)
        if code == FFmpegCode.outOfMemory { throw outOfMemory() }
        if code < 0, code != FFmpegCode.endOfFile { damagedPackets += 1 }
    }

    func receive(into handle: FrameHandle) throws -> DecoderOutput {
        for _ in 0..<256 {
            let code = avcodec_receive_frame(context, handle.frame)
            switch code {
            case 0...: return .frame
            case FFmpegCode.tryAgain: return .needsInput
            case FFmpegCode.endOfFile: return .end
            case FFmpegCode.outOfMemory: throw outOfMemory()
            default: damagedPackets += 1
            }
        }
        // A decoder that keeps reporting errors has no more frames for this packet.
        return isDraining ? .end : .needsInput
    }

    private func outOfMemory() -> VitvideoError {
        lacksMemory = true
        return VitvideoError.outOfMemory("decode \(path)")
    }
}
