import Pixels
import VideoIO

/// A frame as it is read, with the pictures that recordings show at that time.
struct FrameInStep: Sendable {
    let frame: VideoFrame
    /// Whether its pixels are those of the frame before: cartoons, screen recordings and raised frame rates
    /// hold many such frames, and what is found in one holds for the next.
    let repeatsPrevious: Bool
    let recorded: [RGBImage]
    /// The stretch that the frame belongs to.
    var stretch = 0
}

/// Reads a clip and the recordings that go along with it.
///
/// `@unchecked Sendable`: `next` is for one thread at a time, the decoding one, as `VideoReader` is.
final class FramesInStep: @unchecked Sendable {
    private let reader: VideoReader
    private let recordings: [Recording]
    /// Frames that the reader has given away already, the next one last.
    private var leading: [VideoFrame]
    private var previous: RGBImage?
    /// How many more there may be.
    private var rest: Int
    private let stretches: Stretches?
    private var given = 0

    /// - Parameters:
    ///   - limit: frames to give in all; nil for all there are.
    ///   - stretches: how frames are divided that go to one worker; nil where each goes to any.
    init(
        reader: VideoReader, leading: [VideoFrame] = [], recordings: [Recording], limit: Int? = nil,
        stretches: Stretches? = nil
    ) {
        rest = limit ?? .max
        self.stretches = stretches
        self.reader = reader
        self.leading = leading.reversed()
        self.recordings = recordings
    }

    /// - Throws: `VitvideoError`.
    func next() throws -> FrameInStep? {
        guard rest > 0, let frame = try leading.popLast() ?? reader.nextFrame() else { return nil }
        rest -= 1
        defer {
            previous = frame.image
            given += 1
        }
        // What a stretch leads to does not depend on what was before it.
        let begins = stretches.map { $0.begin(at: given) } ?? false
        return FrameInStep(
            frame: frame, repeatsPrevious: !begins && frame.image.hasSamePixels(as: previous),
            recorded: try recordings.map { try $0.frame(at: frame.time.seconds).image },
            stretch: stretches.map { $0.number(of: given) } ?? 0)
    }
}
