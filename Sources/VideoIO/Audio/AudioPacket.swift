import CFFmpeg
import Pixels

/// One packet of a compressed stream on its way from an input to an output, unread in between.
///
/// Safe to hand to another thread: the packet's data is reference-counted and never written, and its
/// timestamps change only inside the module, before the packet is delivered.
package final class CompressedPacket: @unchecked Sendable {
    /// The packet, owned here.
    let packet: UnsafeMutablePointer<AVPacket>
    /// Position of the packet's stream in `VideoInfo.audioStreams`.
    package let audioStreamIndex: Int
    /// Seconds per tick.
    package let timeBase: Rational

    /// Takes over what `source` holds and leaves it blank.
    /// - Throws: `VideoIOError` where memory ran out.
    init(moving source: UnsafeMutablePointer<AVPacket>, audioStreamIndex: Int, timeBase: Rational) throws {
        guard let packet = av_packet_alloc() else { throw VideoIOError.outOfMemory("read audio") }
        av_packet_move_ref(packet, source)
        self.packet = packet
        self.audioStreamIndex = audioStreamIndex
        self.timeBase = timeBase
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&owned)
    }

    /// Presentation time in units of `timeBase`; `nil` where the container has none.
    package var ptsTicks: Int64? { ticks(packet.pointee.pts) }
    /// Duration in units of `timeBase`; 0 where unknown.
    package var durationTicks: Int64 { packet.pointee.duration }
    /// Size of the compressed data.
    package var byteCount: Int { Int(packet.pointee.size) }

    /// A copy of the compressed data.
    package var bytes: [UInt8] {
        guard let data = packet.pointee.data else { return [] }
        return [UInt8](UnsafeBufferPointer(start: data, count: byteCount))
    }

    /// Moves the packet in time.
    func shift(byTicks offset: Int64) {
        if packet.pointee.pts != noTimestamp { packet.pointee.pts += offset }
        if packet.pointee.dts != noTimestamp { packet.pointee.dts += offset }
    }
}

/// What an output needs to know of an audio stream in order to carry its packets on unread.
package struct AudioStreamInfo: Sendable {
    /// FFmpeg's name of the codec, such as `aac`.
    package let codecName: String
    package let sampleRate: Int
    package let channels: Int
    /// ISO 639-2 language of the stream, where it is tagged.
    package let language: String?
    /// Seconds per tick of the stream's packets.
    package let timeBase: Rational
    /// Number of the stream in its container.
    let containerIndex: Int
    let disposition: Int32
    let parameters: CodecParameters
}

/// Owns a copy of a stream's codec parameters, which are not written after it is made; hence sendable.
final class CodecParameters: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<AVCodecParameters>

    init(copying source: UnsafePointer<AVCodecParameters>) throws {
        guard let copy = avcodec_parameters_alloc() else {
            throw VideoIOError.outOfMemory("describe a stream")
        }
        pointer = copy
        guard avcodec_parameters_copy(copy, source) >= 0 else {
            throw VideoIOError.outOfMemory("describe a stream")
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVCodecParameters>? = pointer
        avcodec_parameters_free(&owned)
    }
}

/// Owns one `AVFrame`.
final class FrameHandle {
    let frame: UnsafeMutablePointer<AVFrame>

    init() throws {
        guard let frame = av_frame_alloc() else { throw VideoIOError.outOfMemory("hold a frame") }
        self.frame = frame
    }

    /// A frame with buffers of its own, rows aligned and padded as FFmpeg's vector code wants them.
    convenience init(height: Int, width: Int, format: AVPixelFormat) throws {
        try self.init()
        frame.pointee.height = Int32(height)
        frame.pointee.width = Int32(width)
        frame.pointee.format = format.rawValue
        let code = av_frame_get_buffer(frame, 0)
        guard code >= 0 else {
            throw VideoIOError(
                .unavailable, "hold a frame of \(height)×\(width)", reason: "FFmpeg gave no buffer",
                code: code)
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&owned)
    }

    var pixelFormat: AVPixelFormat { AVPixelFormat(frame.pointee.format) }
}
