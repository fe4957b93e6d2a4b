import CFFmpeg
import Pixels

/// Encodes some frames of a longer output by themselves, so that their packets can be joined with those of the
/// frames before and after, which other encoders encode: nothing in them leans on a frame of another segment.
///
/// For one thread at a time.
package final class SegmentEncoder {
    private enum Encoder {
        case movie(VideoEncoder)
        case pictures(StillEncoder)
    }

    private let encoder: Encoder
    private let options: WriterOptions

    /// - Parameters:
    ///   - path: the output's name, whose extension decides as it does for `VideoWriter`.
    ///   - options: those that the output is written with.
    /// - Throws: `VideoIOError`: `usage` where the format is not written in segments, else as
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
    /// - Throws: `VideoIOError` of kind `usage` where it cannot.
    package static func check(_ path: String) throws {
        switch try OutputFormat(path: path) {
        case .movie, .sequence: return
        case .gif, .still: throw refusal(path)
        }
    }

    private static func refusal(_ path: String) -> VideoIOError {
        let isGIF = (try? OutputFormat(path: path)) == .gif
        return VideoIOError(
            .usage, "write", path: path,
            reason: isGIF
                ? "a GIF is not written in segments" : "it holds one picture, which has no segments",
            nextStep: isGIF
                ? "leave --resume out, or write an .mp4 and turn that into a GIF" : "leave --resume out")
    }

    /// Encodes a picture and hands on what is ready.
    /// - Parameter time: on the clock of the options, later than the frame before.
    /// - Throws: `VideoIOError`, and what the closure throws.
    package func encode(
        _ image: RGBImage, at time: FrameTime, _ receive: (EncodedPacket) throws -> Void
    ) throws {
        let time = options.completing(time)
        switch encoder {
        case .movie(let encoder):
            try encoder.encode(image, at: time) {
                try receive(EncodedPacket(copying: $0, clock: options.timeBase))
            }
        case .pictures(let encoder):
            try receive(
                EncodedPacket(
                    ptsTicks: time.ptsTicks, dtsTicks: time.ptsTicks, durationTicks: time.durationTicks,
                    flags: AV_PKT_FLAG_KEY, bytes: try encoder.encode(image)))
        }
    }

    /// Hands on everything still inside. Called once, at the end.
    /// - Throws: as `encode`.
    package func finish(_ receive: (EncodedPacket) throws -> Void) throws {
        guard case .movie(let encoder) = encoder else { return }
        try encoder.flush { try receive(EncodedPacket(copying: $0, clock: options.timeBase)) }
    }

    /// How many packets the encoder may give ahead of the order in which they are shown.
    package var reorderDepth: Int {
        switch encoder {
        case .movie(let encoder): Int(encoder.context.pointee.has_b_frames)
        case .pictures: 0
        }
    }
}

extension WriterOptions {
    /// How long a frame is shown whose time does not say, in ticks; 0 where the rate is unknown.
    private var nominalDuration: Int64 {
        frameRate.map { max(1, rescale(1, from: Rational($0.denominator, $0.numerator), to: timeBase)) } ?? 0
    }

    /// The time with a duration, where one is known.
    func completing(_ time: FrameTime) -> FrameTime {
        guard time.durationTicks <= 0 else { return time }
        return FrameTime(
            ptsTicks: time.ptsTicks, durationTicks: nominalDuration, timeBase: time.timeBase)
    }
}

extension VideoEncoder {
    /// The encoder of an output.
    /// - Parameter codec: what is used unless the options name another.
    convenience init(
        codec: String, size: PictureSize, options: WriterOptions, needsGlobalHeader: Bool = true
    ) throws {
        try self.init(
            try EncoderChoice(named: options.codec ?? codec, size: size), height: size.height,
            width: size.width, timeBase: options.timeBase, frameRate: options.frameRate, crf: options.crf,
            preset: options.preset,
            // Another number of threads gives other bytes.
            threads: options.isRepeatable ? 1 : options.threads, isRepeatable: options.isRepeatable,
            needsGlobalHeader: needsGlobalHeader)
    }
}
