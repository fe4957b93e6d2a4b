import Base
import CFFmpeg
import Pixels

/// Masks of objects in picture files.
package enum MaskPicture {
    /// A mask as the bytes of an indexed PNG file with the palette of DAVIS.
    ///
    /// - Throws: `VitvideoError` of kind `unavailable` where the encoder fails.
    package static func pngBytes(_ mask: IndexMask) throws -> [UInt8] {
        MediaLog.install()
        return try MaskEncoder(size: PictureSize(height: mask.height, width: mask.width)).encode(mask)
    }

    /// The mask in a picture: the indices of an indexed one (PNG of 1, 2, 4 or 8 bits, BMP, TIFF) whatever its
    /// palette, the levels of a gray one, the colors of another; `IndexMask` says how. Alpha is dropped. The picture
    /// is upright, of as many pixels as the file has, whatever their shape.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` or `badData` where the file cannot be read whole, or shows no mask.
    package static func read(_ path: String) throws -> IndexMask {
        MediaLog.install()
        func refusal(_ reason: String, _ advice: String? = nil) -> VitvideoError {
            VitvideoError(
                .badData, cannot: "read a mask from", path: path, reason: reason,
                nextStep: advice.map { .advice($0) })
        }
        let file = try PictureFile(path: path)
        if let damage = file.damage.first {
            guard damage.kind == .damage else {
                throw refusal("it holds several pictures, and a mask is one")
            }
            let text = damage.message
            throw refusal(text.hasPrefix(path + " ") ? "it" + text.dropFirst(path.count) : text)
        }
        guard !file.handle.isNarrowed else {
            throw refusal("its samples have 16 bits, of which only 8 are read", "save it as an indexed PNG")
        }
        let isIndexed = file.handle.pixelFormat == AV_PIX_FMT_PAL8
        let isGray = file.handle.isGray
        let image = try locating("read a mask from", path) { try picture(file, isIndexed || isGray) }
        guard isIndexed || isGray else {
            guard let mask = IndexMask(coloredIn: image) else {
                throw refusal(
                    "it has more than 255 colours, and a mask has one for each object",
                    "save it as an indexed PNG")
            }
            return mask
        }
        let values = stride(from: 0, to: image.bytes.count, by: 3).map { image.bytes[$0] }
        return isIndexed
            ? IndexMask(height: image.height, width: image.width, indices: values)
            : IndexMask(height: image.height, width: image.width, grayLevels: values)
    }

    /// The picture, upright; of one that has one sample a pixel, that in place of red, green and blue.
    private static func picture(_ file: PictureFile, _ hasOneSample: Bool) throws -> RGBImage {
        // Bits that are pixels have no bytes; libswscale makes 0 and 255 of them.
        if hasOneSample, file.handle.pixelStep > 0 {
            try file.handle.replace { ($0[0], $0[0], $0[0]) }
        }
        let tags = file.tags.withSquarePixels(of: file.handle.pixelFormat)
        let size = PictureGeometry(tags, warn: { _ in }).upright
        return try RGBConverter(size: size, threads: 1).image(from: file.handle, tags: tags, warn: { _ in })
    }
}

extension FrameHandle {
    private var descriptor: AVPixFmtDescriptor? { av_pix_fmt_desc_get(pixelFormat)?.pointee }

    /// Whether a pixel has one sample, besides alpha, which is not an index.
    fileprivate var isGray: Bool {
        guard let descriptor, pixelFormat != AV_PIX_FMT_PAL8 else { return false }
        return descriptor.nb_components <= 2
    }

    /// Bytes from one pixel to the next; 0 where pixels are bits.
    fileprivate var pixelStep: Int {
        guard let descriptor, descriptor.flags & UInt64(AV_PIX_FMT_FLAG_BITSTREAM) == 0 else { return 0 }
        return Int(descriptor.comp.0.step)
    }
}
