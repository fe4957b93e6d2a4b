import Base
import CFFmpeg
import Pixels

/// Converts RGB pictures to frames of the encoder's size and format.
///
/// Sizes that the format does not allow are reached by repeating the last row or column.
final class EncoderInput {
    private let given: PictureSize
    private let output: PictureScaler.Layout
    private let staging: FrameHandle
    private let scaler: PictureScaler?

    init(given: PictureSize, to output: PictureScaler.Layout, threads: Int) throws {
        self.given = given
        self.output = output
        staging = try FrameHandle(size: output.size, format: AV_PIX_FMT_RGB24)
        let input = PictureScaler.Layout(size: output.size, format: AV_PIX_FMT_RGB24, isFullRange: true)
        let isUnchanged = output.format == AV_PIX_FMT_RGB24 || output.format == AV_PIX_FMT_PAL8
        scaler = isUnchanged ? nil : try PictureScaler(from: input, to: output, threads: threads)
    }

    /// The frame for a picture, with buffers of its own.
    /// - Throws: `VitvideoError` of kind `usage` where the picture has another size, `unavailable` where
    ///   FFmpeg fails.
    func frame(from image: RGBImage) throws -> FrameHandle {
        guard image.height == given.height, image.width == given.width else {
            throw VitvideoError(
                .usage, cannot: "write a frame",
                reason: "it is \(image.width)x\(image.height), the output \(given.width)x\(given.height)")
        }
        guard output.format != AV_PIX_FMT_PAL8 else { return try paletted(image) }
        guard let scaler else {
            // The encoder may hold the frame, so it gets one of its own.
            let handle = try FrameHandle(size: output.size, format: AV_PIX_FMT_RGB24)
            fill(handle, from: image)
            return handle
        }
        fill(staging, from: image)
        let handle = try FrameHandle(size: output.size, format: output.format)
        try scaler.convert(staging, into: handle)
        return handle
    }

    private func fill(_ handle: FrameHandle, from image: RGBImage) {
        guard let base = handle.frame.pointee.data.0 else { return }
        let stride = Int(handle.frame.pointee.linesize.0)
        let rowBytes = given.width * 3
        image.bytes.withUnsafeBufferPointer { bytes in
            guard let pixels = bytes.baseAddress else { return }
            for row in 0..<output.size.height {
                let target = base + row * stride
                target.update(from: pixels + min(row, given.height - 1) * rowBytes, count: rowBytes)
                for column in given.width..<output.size.width {
                    (target + column * 3).update(from: target + (given.width - 1) * 3, count: 3)
                }
            }
        }
    }

    /// A picture in the 256 colors that suit it best, dithered. The filters output a palette only at the end
    /// of the stream, so each picture has a graph of its own.
    private func paletted(_ image: RGBImage) throws -> FrameHandle {
        let graph = try FilterGraph(
            "split[a][b];[a]palettegen=stats_mode=full:reserve_transparent=0[p];[b][p]paletteuse=dither=sierra2_4a",
            size: output.size, format: AV_PIX_FMT_RGB24, threads: 1)
        let handle = try FrameHandle(size: output.size, format: AV_PIX_FMT_RGB24)
        fill(handle, from: image)
        handle.frame.pointee.pts = 0
        try graph.push(handle)
        try graph.push(nil)
        guard let result = try graph.pull() else {
            throw VitvideoError(
                .unavailable, cannot: "choose a palette", reason: "FFmpeg's filters gave no frame")
        }
        return result
    }
}
