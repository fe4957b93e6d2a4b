import Pixels
import VideoIO

/// Renders each frame and encodes it.
package final class VideoSink: FrameSink {
    var renderer: any FrameRenderer
    let writer: VideoWriter

    package init(renderer: any FrameRenderer, writer: VideoWriter) {
        self.renderer = renderer
        self.writer = writer
    }

    package func consume(_ frame: AnnotatedFrame) throws {
        let picture = try renderer.render(frame)
        try writer.write(frame.frame.packets)
        try writer.write(picture, at: frame.frame.outputTime)
    }

    package func finish(trailing: [AudioPacket]) throws {
        try writer.write(trailing)
        try writer.finish()
    }

    package func finishPartial() throws -> [String] { try writer.finishPartial().map { [$0] } ?? [] }

    package func abandon() { writer.abandon() }

    package var temporaryPaths: [String] { writer.temporaryPaths }
}
