import Pixels
import VideoIO

/// Renders each frame and encodes it, with the sound that belongs to it.
package final class VideoSink: FrameSink {
    private var renderer: any FrameRenderer
    private let frames: FrameWriter

    /// - Parameter audio: of the reader that the frames come from.
    package init(renderer: any FrameRenderer, writer: VideoWriter, audio: AudioPacketQueue) {
        self.renderer = renderer
        frames = FrameWriter(writer, audio: audio)
    }

    package func consume(_ frame: AnnotatedFrame) throws {
        try frames.write(try renderer.render(frame), of: frame.frame)
    }

    package func finish() throws { try frames.finish() }
    package func finishPartial() throws -> [String] { try frames.finishPartial() }
    package func abandon() { frames.abandon() }
    package var temporaryPaths: [String] { frames.temporaryPaths }
}
