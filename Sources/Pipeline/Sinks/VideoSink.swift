import Pixels
import VideoIO

/// Renders each frame and encodes it.
public final class VideoSink: FrameSink {
    var renderer: any FrameRenderer
    let writer: VideoWriter

    public init(renderer: any FrameRenderer, writer: VideoWriter) {
        self.renderer = renderer
        self.writer = writer
    }

    public func consume(_ frame: AnnotatedFrame) throws {
        let picture = try renderer.render(frame)
        try writer.write(frame.frame.packets)
        try writer.write(picture, at: frame.frame.outputTime)
    }

    public func finish(trailing: [CompressedPacket]) throws {
        try writer.write(trailing)
        try writer.finish()
    }

    public func finishPartial() throws -> [String] { try writer.finishPartial().map { [$0] } ?? [] }

    public func abandon() { writer.abandon() }

    public var temporaryPaths: [String] { writer.temporaryPaths }
}
