import Base
import Pixels

/// Encodes pictures one by one to complete PNG or JPEG files in memory.
final class StillEncoder {
    private let encoder: VideoEncoder
    private let codec: String
    private var counter: Int64 = 0

    /// - Parameter codec: `png` or `mjpeg`.
    init(codec: String, size: PictureSize) throws {
        self.codec = codec
        encoder = try VideoEncoder(
            EncoderChoice(named: codec, size: size), height: size.height, width: size.width,
            timeBase: Rational(1, 25),
            frameRate: Rational(25, 1), crf: 6, preset: "veryfast", threads: 1, needsGlobalHeader: false)
    }

    /// The file's bytes. With one thread, both encoders output each picture at once.
    /// - Throws: `VitvideoError` of kind `unavailable` where the encoder fails.
    func encode(_ image: RGBImage) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let time = FrameTime(ptsTicks: counter, durationTicks: 1, timeBase: Rational(1, 25))
        counter += 1
        try encoder.encode(image, at: time) { output in
            bytes += UnsafeBufferPointer(
                start: output.packet.pointee.data, count: Int(output.packet.pointee.size))
        }
        guard !bytes.isEmpty else {
            throw VitvideoError(
                .unavailable, cannot: "encode a picture", reason: "the \(codec) encoder gave nothing")
        }
        return bytes
    }
}
