import Pixels
import VideoIO

/// Encodes pictures that were made of a reader's frames, with the sound that belongs to them. For one thread at a time.
package final class FrameWriter {
    private let writer: VideoWriter
    private let audio: AudioPacketQueue

    /// - Parameter audio: of the reader that the frames come from.
    package init(_ writer: VideoWriter, audio: AudioPacketQueue) {
        self.writer = writer
        self.audio = audio
    }

    /// Writes what became of a frame, at that frame's time.
    package func write(_ picture: RGBImage, of frame: VideoFrame) throws {
        try writer.write(audio.take(upToFrame: frame.index))
        try writer.write(picture, at: frame.outputTime)
    }

    package func finish() throws {
        try writer.write(audio.takeAll())
        try writer.finish()
    }

    package func finishPartial() throws -> [String] { try writer.finishPartial().map { [$0] } ?? [] }

    package func abandon() { writer.abandon() }

    package var temporaryPaths: [String] { writer.temporaryPaths }
}
