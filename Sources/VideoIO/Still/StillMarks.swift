import Base
import CFFmpeg

/// What a picture's file says about its pixels, and FFmpeg's decoder does not heed.
struct StillMarks {
    var orientation: Orientation?
    /// Whether the file says nothing of a narrower range, where its color is luma and chroma.
    var isFullRange = false
    /// Whether the four samples of a pixel are inks.
    var isCMYK = false

    /// Completes a frame that the decoder gave.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func apply(to handle: FrameHandle) throws {
        handle.orientation = orientation
        // TIFF 6.0, section 21: full range unless it says otherwise, and the matrix of Rec. 601.
        if isFullRange, let descriptor = av_pix_fmt_desc_get(handle.pixelFormat),
            descriptor.pointee.nb_components >= 3,
            descriptor.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB) == 0
        {
            handle.frame.pointee.color_range = AVCOL_RANGE_JPEG
            handle.frame.pointee.colorspace = AVCOL_SPC_BT470BG
        }
        // Inks of 8 bits are converted by the decoder, those of 16 bits are not.
        if isCMYK, [AV_PIX_FMT_RGBA64LE, AV_PIX_FMT_RGBA64BE].contains(handle.pixelFormat) {
            let high = handle.pixelFormat == AV_PIX_FMT_RGBA64LE ? 1 : 0
            try handle.replace { pixel in
                Inks.rgb(pixel[high], pixel[2 + high], pixel[4 + high], pixel[6 + high])
            }
        }
    }
}

/// Inks to light, as PIL computes it.
enum Inks {
    /// - Parameters: cyan, magenta, yellow and black; 255 is all ink.
    @inline(__always)
    static func rgb(_ cyan: UInt8, _ magenta: UInt8, _ yellow: UInt8, _ black: UInt8) -> RGBPixel {
        let light = 255 - Int(black)
        @inline(__always) func left(_ ink: UInt8) -> UInt8 {
            // ink · light / 255, rounded.
            let product = Int(ink) * light + 128
            return UInt8(max(0, light - ((product >> 8) + product) >> 8))
        }
        return (left(cyan), left(magenta), left(yellow))
    }
}

/// Red, green, blue.
typealias RGBPixel = (red: UInt8, green: UInt8, blue: UInt8)

extension FrameHandle {
    /// Replaces a picture of one plane by one in RGB24.
    /// - Parameter convert: gives the color of a pixel from its bytes.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func replace(_ convert: (UnsafePointer<UInt8>) -> RGBPixel) throws {
        guard let descriptor = av_pix_fmt_desc_get(pixelFormat), let source = frame.pointee.data.0 else {
            return
        }
        let step = Int(descriptor.pointee.comp.0.step)
        let made = try FrameHandle(size: size, format: AV_PIX_FMT_RGB24)
        guard let target = made.frame.pointee.data.0 else { return }
        for row in 0..<size.height {
            var from = UnsafePointer(source + row * Int(frame.pointee.linesize.0))
            var to = target + row * Int(made.frame.pointee.linesize.0)
            for _ in 0..<size.width {
                (to[0], to[1], to[2]) = convert(from)
                from += step
                to += 3
            }
        }
        try replace(by: made)
    }

    /// Replaces the picture by one in RGB that was made of it; times stay.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func replace(by made: FrameHandle) throws {
        guard av_frame_copy_props(made.frame, frame) >= 0 else {
            throw VitvideoError.outOfMemory("convert a picture")
        }
        made.frame.pointee.color_range = AVCOL_RANGE_UNSPECIFIED
        made.frame.pointee.colorspace = AVCOL_SPC_RGB
        made.orientation = orientation
        take(made)
    }

    /// Takes over the picture of another frame, which is blank then.
    func take(_ other: FrameHandle) {
        av_frame_unref(frame)
        av_frame_move_ref(frame, other.frame)
        orientation = other.orientation
    }
}
