import Base
import CFFmpeg
import Pixels

/// Encodes some frames of a longer output by themselves. Other encoders encode the frames before and after.
///
/// The packets of the segments can be joined: none depends on a frame of another segment.
///
/// For use by one thread at a time.
package final class SegmentEncoder {
    private enum Encoder {
        case movie(VideoEncoder)
        case pictures(StillEncoder)
    }

    private let encoder: Encoder
    private let options: WriterOptions

    /// - Parameters:
    ///   - path: the output's name, whose extension decides as it does for `VideoWriter`.
    ///   - options: those of the output.
    /// - Throws: `VitvideoError`: `usage` where the format is not written in segments, else as
    ///   `VideoWriter.create` does.
    package init(for path: String, height: Int, width: Int, options: WriterOptions) throws {
        MediaLog.install()
        self.options = options
        let size = PictureSize(height: height, width: width)
        switch try OutputFormat(path: path) {
        case .movie(_, let codec):
            encoder = .movie(try VideoEncoder(codec: codec, size: size, options: options))
        case .sequence(let codec): encoder = .pictures(try StillEncoder(codec: codec, size: size))
        case .gif, .still: throw SegmentEncoder.refusal(path)
        }
    }

    /// Whether an output of that name can be written in segments.
    /// - Throws: `VitvideoError` of kind `usage` where it cannot.
    package static func check(_ path: String) throws {
        switch try OutputFormat(path: path) {
        case .movie, .sequence: return
        case .gif, .still: throw refusal(path)
        }
    }

    private static func refusal(_ path: String) -> VitvideoError {
        let isGIF = (try? OutputFormat(path: path)) == .gif
        return VitvideoError(
            .usage, cannot: "write", path: path,
            reason: isGIF
                ? "a GIF is not written in segments" : "it holds one picture, which has no segments",
            nextStep: .leaveOutResume(writesMP4First: isGIF))
    }

    /// Encodes a picture and passes on the packets that are ready.
    /// - Parameter time: on the clock of the options, later than the frame before.
    /// - Throws: `VitvideoError`, and what the closure throws.
    package func encode(
        _ image: RGBImage, at time: FrameTime, _ receive: (VideoPacket) throws -> Void
    ) throws {
        let time = options.completing(time)
        switch encoder {
        case .movie(let encoder):
            try encoder.encode(image, at: time) {
                try receive(VideoPacket(copying: $0, clock: options.timeBase))
            }
        case .pictures(let encoder):
            try receive(
                VideoPacket(
                    ptsTicks: time.ptsTicks, dtsTicks: time.ptsTicks, durationTicks: time.durationTicks,
                    flags: AV_PKT_FLAG_KEY, bytes: try encoder.encode(image)))
        }
    }

    /// Passes on all packets still inside the encoder. Called once, at the end.
    /// - Throws: as `encode`.
    package func finish(_ receive: (VideoPacket) throws -> Void) throws {
        guard case .movie(let encoder) = encoder else { return }
        try encoder.flush { try receive(VideoPacket(copying: $0, clock: options.timeBase)) }
    }

    /// How many places a packet may come before its place in the order of presentation.
    package var reorderDepth: Int {
        switch encoder {
        case .movie(let encoder): Int(encoder.context.pointee.has_b_frames)
        case .pictures: 0
        }
    }
}
