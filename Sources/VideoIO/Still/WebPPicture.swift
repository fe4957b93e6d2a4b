import Base
import CFFmpeg
import Pixels

/// Lossy WebP pictures become RGB as libwebp makes it, whose chroma PIL and browsers show.
///
/// FFmpeg decodes the same luma and chroma, but enlarges and converts them otherwise.
enum WebPPicture {
    /// Replaces a picture in 4:2:0 by one in RGB24; leaves others alone. Alpha is dropped.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    static func convert(_ handle: FrameHandle) throws {
        guard [AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVA420P].contains(handle.pixelFormat),
            let luma = handle.frame.pointee.data.0, let first = handle.frame.pointee.data.1,
            let second = handle.frame.pointee.data.2
        else { return }
        let size = handle.size
        let strides = handle.frame.pointee.linesize
        let made = try FrameHandle(size: size, format: AV_PIX_FMT_RGB24)
        guard let target = made.frame.pointee.data.0 else { return }
        let lastChromaRow = (size.height + 1) / 2 - 1
        for row in 0..<size.height {
            // The chroma row that this row lies in, and the one that it is next to.
            let near = row / 2
            let far = max(0, min(lastChromaRow, row % 2 == 0 ? near - 1 : near + 1))
            let blue = ChromaRow(
                near: first + near * Int(strides.1), far: first + far * Int(strides.1), width: size.width)
            let red = ChromaRow(
                near: second + near * Int(strides.2), far: second + far * Int(strides.2), width: size.width)
            let from = luma + row * Int(strides.0)
            var to = target + row * Int(made.frame.pointee.linesize.0)
            for column in 0..<size.width {
                (to[0], to[1], to[2]) = rgb(Int(from[column]), blue[column], red[column])
                to += 3
            }
        }
        try handle.replace(by: made)
    }

    /// Chroma between two rows of samples, each of which lies between four pixels.
    private struct ChromaRow {
        let near: UnsafePointer<UInt8>
        let far: UnsafePointer<UInt8>
        let width: Int

        init(near: UnsafeMutablePointer<UInt8>, far: UnsafeMutablePointer<UInt8>, width: Int) {
            self.near = UnsafePointer(near)
            self.far = UnsafePointer(far)
            self.width = width
        }

        /// (9 · nearest + 3 · beside + 3 · above + diagonal) / 16, with libwebp's two roundings.
        @inline(__always)
        subscript(column: Int) -> Int {
            let place = column / 2
            let (a, above) = (Int(near[place]), Int(far[place]))
            guard column > 0, column < width - 1 || width % 2 == 1 else { return (3 * a + above + 2) >> 2 }
            let other = column % 2 == 0 ? place - 1 : place + 1
            let (beside, diagonal) = (Int(near[other]), Int(far[other]))
            return (((a + diagonal + 3 * (beside + above) + 8) >> 3) + a) >> 1
        }
    }

    /// Rec. 601 in narrow range, in libwebp's fixed point of 14 bits.
    @inline(__always)
    private static func rgb(_ y: Int, _ u: Int, _ v: Int) -> RGBPixel {
        @inline(__always) func clip(_ value: Int) -> UInt8 { UInt8(max(0, min(255, value >> 6))) }
        let light = (y * 19_077) >> 8
        return (
            clip(light + (v * 26_149) >> 8 - 14_234),
            clip(light - (u * 6_419) >> 8 - (v * 13_320) >> 8 + 8_708),
            clip(light + (u * 33_050) >> 8 - 17_685)
        )
    }
}
