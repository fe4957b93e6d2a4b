import Pixels
import VideoIO

/// Renders each frame and encodes it, with the sound that belongs to it.
package final class VideoSink: FrameSink {
    private var renderer: any FrameRenderer
    private let writer: VideoWriter
    private let audio: AudioPacketQueue

    /// - Parameter audio: of the reader that the frames come from.
    package init(renderer: any FrameRenderer, writer: VideoWriter, audio: AudioPacketQueue) {
        self.renderer = renderer
        self.writer = writer
        self.audio = audio
    }

    package func consume(_ frame: AnnotatedFrame) throws {
        let picture = try renderer.render(frame)
        try writer.write(audio.take(upToFrame: frame.frame.index))
        try writer.write(picture, at: frame.frame.outputTime)
    }

    package func finish() throws {
        try writer.write(audio.takeAll())
        try writer.finish()
    }

    package func finishPartial() throws -> [String] { try writer.finishPartial().map { [$0] } ?? [] }

    package func abandon() { writer.abandon() }

    package var temporaryPaths: [String] { writer.temporaryPaths }
}
