import Pixels
import VideoIO

extension StillImage {
    /// The picture in a file, upright, as RGB; the first frame of a video.
    package static func read(_ path: String) throws -> RGBImage {
        let reader = try VideoReader.open(path, options: ReaderOptions(keepAudio: false))
        defer { reader.close() }
        // A reader without a first frame is not opened.
        return try reader.nextFrame()!.image
    }

    /// Writes a PNG or JPEG file, as the extension says.
    package static func write(_ image: RGBImage, to path: String, overwrite: Bool = false) throws {
        let writer = try VideoWriter.create(
            path, height: image.height, width: image.width, options: WriterOptions(overwrite: overwrite))
        try writer.write(image, at: FrameTime(ptsTicks: 0, durationTicks: 1, timeBase: Rational(1, 25)))
        try writer.finish()
    }
}
