import Pixels
import Rendering
import VideoIO

/// Renders a view of each frame and encodes it.
public final class VideoSink: FrameSink {
    private var renderer: ViewRenderer
    private let writer: VideoWriter

    public init(renderer: ViewRenderer, writer: VideoWriter) {
        self.renderer = renderer
        self.writer = writer
    }

    public func consume(_ frame: AnnotatedFrame) throws {
        let picture = try renderer.render(
            frame: frame.frame.image, heads: frame.heads, fused: frame.fused, mask: frame.mask,
            timeSeconds: frame.frame.time.seconds)
        try writer.write(frame.frame.packets)
        try writer.write(picture, at: frame.frame.outputTime)
    }

    public func finish(trailing: [CompressedPacket]) throws {
        try writer.write(trailing)
        try writer.finish()
    }

    public func finishPartial() throws -> String? { try writer.finishPartial() }

    public func abandon() { writer.abandon() }

    public var temporaryPaths: [String] { [] }
}
