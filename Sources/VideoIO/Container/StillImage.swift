import Pixels

/// Still pictures, without the ceremony of a video.
package enum StillImage {
    /// A picture as the bytes of a PNG file.
    package static func pngBytes(_ image: RGBImage) throws -> [UInt8] {
        try StillEncoder(codec: "png", size: PictureSize(height: image.height, width: image.width)).encode(
            image)
    }
}
