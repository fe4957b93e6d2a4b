import CFFmpeg

/// The color coding of a decoded frame, as the conversion to RGB needs it.
struct ColorCoding: Equatable {
    /// One of swscale's `SWS_CS_` matrices; without meaning for RGB.
    var matrix: Int32
    var isFullRange: Bool
    /// Position of the chroma samples in swscale's 1/256 luma pixels, where the format subsamples.
    var chromaPosition: (horizontal: Int32, vertical: Int32) { (chromaHorizontal, chromaVertical) }
    private var chromaHorizontal: Int32
    private var chromaVertical: Int32

    /// What the frame is tagged with; untagged, BT.601 below 720 lines and BT.709 from there on, in the range
    /// that is usual for its format.
    /// - Parameter warn: called for what cannot be converted faithfully.
    init(_ tags: FrameTags, warn: (MediaWarning) -> Void) {
        let lines = tags.size.height
        switch tags.colorSpace {
        case AVCOL_SPC_BT709: matrix = SWS_CS_ITU709
        case AVCOL_SPC_FCC: matrix = SWS_CS_FCC
        case AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M: matrix = SWS_CS_ITU601
        case AVCOL_SPC_SMPTE240M: matrix = SWS_CS_SMPTE240M
        case AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT2020_CL: matrix = SWS_CS_BT2020
        case AVCOL_SPC_UNSPECIFIED, AVCOL_SPC_RGB, AVCOL_SPC_RESERVED:
            matrix = lines < 720 ? SWS_CS_ITU601 : SWS_CS_ITU709
        case let other:
            matrix = lines < 720 ? SWS_CS_ITU601 : SWS_CS_ITU709
            let name = av_color_space_name(other).map { String(cString: $0) } ?? "\(other.rawValue)"
            warn(MediaWarning(.picture, "the colour matrix \(name) is not known here; colours may be off"))
        }
        switch tags.transfer {
        case AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67:
            warn(MediaWarning(.picture, "the video is HDR; its tones are not mapped and look flat"))
        default: break
        }
        let format = tags.pixelFormat
        let alwaysFull = [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P]
        let descriptor = av_pix_fmt_desc_get(format)
        // libswscale converts deep RGB, and XYZ after it became deep RGB, to 8 bits by way of YUV. Both
        // conversions must use one matrix.
        let isRGB = descriptor.map { $0.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB) != 0 } ?? false
        if isRGB || [AV_PIX_FMT_XYZ12LE, AV_PIX_FMT_XYZ12BE].contains(format) {
            matrix = SWS_CS_ITU709
        }
        // FFmpeg takes gray without a tag to be full range, as still images are.
        let isGray = descriptor.map { $0.pointee.nb_components <= 2 } ?? false
        switch tags.range {
        case AVCOL_RANGE_JPEG: isFullRange = true
        case AVCOL_RANGE_MPEG: isFullRange = alwaysFull.contains(format)
        default: isFullRange = alwaysFull.contains(format) || isGray
        }

        (chromaHorizontal, chromaVertical) = (-513, -513)
        guard let descriptor, descriptor.pointee.nb_components >= 3, descriptor.pointee.log2_chroma_w == 1
        else { return }
        let halvesRows = descriptor.pointee.log2_chroma_h == 1
        switch tags.chromaLocation {
        case AVCHROMA_LOC_CENTER: (chromaHorizontal, chromaVertical) = (128, halvesRows ? 128 : -513)
        case AVCHROMA_LOC_TOPLEFT: (chromaHorizontal, chromaVertical) = (0, halvesRows ? 0 : -513)
        case AVCHROMA_LOC_TOP: (chromaHorizontal, chromaVertical) = (128, halvesRows ? 0 : -513)
        case AVCHROMA_LOC_BOTTOMLEFT: (chromaHorizontal, chromaVertical) = (0, halvesRows ? 256 : -513)
        case AVCHROMA_LOC_BOTTOM: (chromaHorizontal, chromaVertical) = (128, halvesRows ? 256 : -513)
        default:
            // Left is where MPEG-2, H.264 and HEVC put it when they say nothing; JPEG's is in the middle.
            chromaHorizontal = alwaysFull.contains(format) ? 128 : 0
            if halvesRows { chromaVertical = 128 }
        }
    }
}
