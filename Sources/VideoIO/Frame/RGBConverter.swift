import CFFmpeg
import Pixels

/// Turns decoded frames into upright RGB pictures of one size.
///
/// Alpha is dropped, as `Image.convert("RGB")` does. A frame whose shape differs from the first one's is scaled
/// to fit, with black borders.
final class RGBConverter {
    /// The size of every picture delivered.
    let size: PictureSize
    private let threads: Int
    private var scaler: PictureScaler?
    private var scaled: FrameHandle?

    init(size: PictureSize, threads: Int) {
        self.size = size
        self.threads = threads
    }

    /// - Parameters:
    ///   - frame: a decoded frame.
    ///   - geometry: of that frame.
    func image(from frame: FrameHandle, geometry: PictureGeometry, colours: ColourCoding) throws -> RGBImage {
        let content = fit(geometry)
        let source = PictureScaler.Layout(
            size: geometry.stored, format: frame.pixelFormat, matrix: colours.matrix,
            isFullRange: colours.isFullRange, chromaHorizontal: colours.chromaPosition.horizontal,
            chromaVertical: colours.chromaPosition.vertical)
        // The scaler works before the turn, so that turning is part of the one copy there is.
        let turned = geometry.orientation.applied(to: content)
        let target = PictureScaler.Layout(size: turned, format: AV_PIX_FMT_RGB24, isFullRange: true)
        if scaler?.source != source || scaler?.destination != target {
            scaler = try PictureScaler(from: source, to: target, threads: threads)
            scaled = try FrameHandle(height: turned.height, width: turned.width, format: AV_PIX_FMT_RGB24)
        }
        guard let scaler, let scaled else { throw VideoIOError.outOfMemory("convert a frame") }
        try scaler.convert(frame, into: scaled)

        let stride = Int(scaled.frame.pointee.linesize.0)
        guard let pixels = scaled.frame.pointee.data.0 else {
            throw VideoIOError.outOfMemory("convert a frame")
        }
        return RGBImage(height: size.height, width: size.width) { buffer in
            guard let base = buffer.baseAddress else { return }
            if content != size { base.update(repeating: 0, count: buffer.count) }
            let top = (size.height - content.height) / 2
            let left = (size.width - content.width) / 2
            geometry.orientation.copy(
                pixels, stride: stride, size: turned, to: base + (top * size.width + left) * 3,
                destinationStride: size.width * 3)
        }
    }

    /// The upright size at which a frame fills the delivered one without being distorted.
    private func fit(_ geometry: PictureGeometry) -> PictureSize {
        let upright = geometry.upright
        if upright == size { return size }
        let factor = min(
            Double(size.height) / Double(upright.height), Double(size.width) / Double(upright.width))
        return PictureSize(
            height: min(size.height, max(1, Int((Double(upright.height) * factor).rounded()))),
            width: min(size.width, max(1, Int((Double(upright.width) * factor).rounded()))))
    }
}
