import Base
import CFFmpeg
import Pixels

/// Converts decoded frames to upright RGB pictures of one size.
///
/// Alpha is dropped, as `Image.convert("RGB")` does. A frame whose shape differs from the first one's is
/// scaled to fit, with black borders.
final class RGBConverter {
    /// The size of every picture delivered.
    let size: PictureSize
    /// Whether a frame had another size.
    private(set) var hasMetOtherSize = false
    private let threads: Int
    private var conversion: Conversion?

    /// What frames with the same tags have in common.
    private struct Conversion {
        let tags: FrameTags
        let orientation: Orientation
        /// The upright size at which a frame fills the delivered one without being distorted.
        let content: PictureSize
        let scaler: PictureScaler
        /// The scaler's output where it is not the delivered picture itself.
        let staging: FrameHandle?
    }

    init(size: PictureSize, threads: Int) {
        self.size = size
        self.threads = threads
    }

    /// - Parameters:
    ///   - frame: a decoded frame.
    ///   - tags: of that frame.
    ///   - warn: called for what the frame's tags do not allow to be shown faithfully.
    /// - Throws: `VitvideoError` of kind `unavailable` where libswscale does not take the format or memory
    ///   ran out.
    func image(
        from frame: FrameHandle, tags: FrameTags, warn: (MediaWarning) -> Void
    ) throws -> RGBImage {
        let conversion = try conversion(for: tags, warn: warn)
        guard let staging = conversion.staging else {
            return try RGBImage(height: size.height, width: size.width) { pixels in
                try conversion.scaler.convert(frame, into: FrameHandle(lending: pixels, size: size))
            }
        }
        try conversion.scaler.convert(frame, into: staging)
        guard let scaled = staging.frame.pointee.data.0 else {
            throw VitvideoError.outOfMemory("convert a frame")
        }
        let content = conversion.content
        return RGBImage(height: size.height, width: size.width) { buffer in
            guard let base = buffer.baseAddress else { return }
            if content != size { base.update(repeating: 0, count: buffer.count) }
            let top = (size.height - content.height) / 2
            let left = (size.width - content.width) / 2
            conversion.orientation.copy(
                scaled, stride: Int(staging.frame.pointee.linesize.0), size: staging.size,
                to: base + (top * size.width + left) * 3, destinationStride: size.width * 3)
        }
    }

    /// The last conversion where the tags are the same, else a new one.
    private func conversion(for tags: FrameTags, warn: (MediaWarning) -> Void) throws -> Conversion {
        if let conversion, conversion.tags == tags { return conversion }
        let geometry = PictureGeometry(tags, warn: warn)
        let upright = geometry.upright
        if upright != size {
            hasMetOtherSize = true
            warn(
                MediaWarning(
                    .picture,
                    "the picture changes to \(upright.width)x\(upright.height); it is fitted into \(size.width)x\(size.height)"
                ))
        }
        let coding = ColorCoding(tags, warn: warn)
        let content = fit(upright)
        // The scaler works before the turn, so that turning is part of the one copy there is.
        let turned = geometry.orientation.applied(to: content)
        let source = PictureScaler.Layout(
            size: geometry.stored, format: tags.pixelFormat, matrix: coding.matrix,
            isFullRange: coding.isFullRange, chromaHorizontal: coding.chromaPosition.horizontal,
            chromaVertical: coding.chromaPosition.vertical)
        let target = PictureScaler.Layout(size: turned, format: AV_PIX_FMT_RGB24, isFullRange: true)
        // libswscale writes Bayer pictures in blocks of 2×2, beyond the end of a row of odd length.
        let isBayer =
            av_pix_fmt_desc_get(tags.pixelFormat).map {
                $0.pointee.flags & UInt64(AV_PIX_FMT_FLAG_BAYER) != 0
            } ?? false
        let isDirect = geometry.orientation == .upright && content == size && !isBayer
        let made = Conversion(
            tags: tags, orientation: geometry.orientation, content: content,
            scaler: try PictureScaler(from: source, to: target, threads: threads),
            staging: isDirect ? nil : try FrameHandle(size: turned, format: AV_PIX_FMT_RGB24))
        conversion = made
        return made
    }

    private func fit(_ upright: PictureSize) -> PictureSize {
        if upright == size { return size }
        let factor = min(
            Double(size.height) / Double(upright.height), Double(size.width) / Double(upright.width))
        return PictureSize(
            height: min(size.height, max(1, Int((Double(upright.height) * factor).rounded()))),
            width: min(size.width, max(1, Int((Double(upright.width) * factor).rounded()))))
    }
}
