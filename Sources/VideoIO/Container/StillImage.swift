import Pixels

/// Still pictures, without the ceremony of a video.
package enum StillImage {
    /// The picture in a file, upright, as RGB; the first frame of a video.
    /// - Throws: `VideoIOError` as `VideoReader.open` does.
    package static func read(_ path: String) throws -> RGBImage {
        let reader = try VideoReader.open(path, options: ReaderOptions(keepAudio: false))
        defer { reader.close() }
        guard let frame = try reader.nextFrame() else {
            throw VideoIOError(.badData, "read", path: path, reason: "it holds no picture")
        }
        return frame.image
    }

    /// Writes a PNG or JPEG file, as the extension says.
    /// - Throws: `VideoIOError` as `VideoWriter.create` does.
    package static func write(_ image: RGBImage, to path: String, overwrite: Bool = false) throws {
        guard case .still = try OutputFormat(path: path) else {
            throw VideoIOError(
                .usage, "write a picture to", path: path,
                reason: "the name is not that of one PNG or JPEG file")
        }
        let writer = try VideoWriter.create(
            path, height: image.height, width: image.width, options: WriterOptions(overwrite: overwrite))
        try writer.write(image, at: FrameTime(ptsTicks: 0, durationTicks: 1, timeBase: Rational(1, 25)))
        try writer.finish()
    }

    /// A picture as the bytes of a PNG file.
    package static func pngBytes(_ image: RGBImage) throws -> [UInt8] {
        try StillEncoder(codec: "png", size: PictureSize(height: image.height, width: image.width)).encode(
            image)
    }
}
