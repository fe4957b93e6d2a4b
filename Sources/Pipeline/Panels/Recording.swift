import Base
import Glibc
import Pixels
import VideoIO

/// A video made earlier that is shown beside another one, in step with it by timestamp.
///
/// `@unchecked Sendable`: for one thread at a time, as `VideoReader` is; nothing is tied to the thread it was
/// made on.
package final class Recording: @unchecked Sendable {
    /// What to call it.
    package let name: String
    package let height: Int
    package let width: Int
    private let reader: VideoReader
    /// The frame being shown, and the one decoded after it.
    private var shown: VideoFrame?
    private var next: VideoFrame?

    /// How much later than asked for a frame may be and still count as being at that time: clocks of whole
    /// milliseconds (Matroska) are half a millisecond off.
    private static let toleranceSeconds = 0.001

    /// - Parameters:
    ///   - name: what to call it; the file's name without its extension where nil.
    ///   - threads: of the decoder; 0 lets FFmpeg choose.
    /// - Throws: `VitvideoError` as `VideoReader.open` does.
    package init(
        path: String, name: String? = nil, threads: Int = 0,
        onWarning: (@Sendable (MediaWarning) -> Void)? = nil
    ) throws {
        reader = try VideoReader.open(
            path, options: ReaderOptions(keepAudio: false, threads: threads, onWarning: onWarning))
        self.name = name ?? FileName.shown(path.pathStem)
        (height, width) = (reader.info.height, reader.info.width)
        next = try reader.nextFrame()
    }

    /// The frame shown at a time: the last one whose own time is at or before it. Before the first frame that
    /// is the first, after the last the last.
    ///
    /// - Parameter seconds: on the clock of the video's own timestamps; never less than in the call before.
    /// - Throws: `VitvideoError`.
    package func frame(at seconds: Double) throws -> VideoFrame {
        while let candidate = next, shown == nil || candidate.time.seconds <= seconds + Self.toleranceSeconds
        {
            shown = candidate
            next = try reader.nextFrame()
        }
        guard let shown else {
            throw VitvideoError(.badData, reason: "cannot read \(name): it holds no frame")
        }
        return shown
    }
}
