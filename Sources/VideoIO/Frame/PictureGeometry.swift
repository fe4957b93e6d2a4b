import CFFmpeg

/// How a decoded frame becomes an upright picture of square pixels.
struct PictureGeometry: Equatable {
    /// As decoded.
    var stored: PictureSize
    /// With square pixels, still as the camera lay.
    var square: PictureSize
    var orientation: Orientation

    /// Upright, with square pixels.
    var upright: PictureSize { orientation.applied(to: square) }

    /// No side is stretched beyond this, whatever aspect ratio a file claims.
    private static let longestStretchedSide = 16_384

    /// What the frame and its stream say about shape and position.
    /// - Parameter warn: told of tags that are left aside.
    init(
        frame: UnsafeMutablePointer<AVFrame>, demuxer: Demuxer, videoStream: Int,
        warn: (MediaWarning) -> Void
    ) {
        let stream = demuxer.streams[videoStream]!
        stored = PictureSize(height: Int(frame.pointee.height), width: Int(frame.pointee.width))
        square = stored
        let aspect = av_guess_sample_aspect_ratio(demuxer.context, stream, frame)
        if aspect.num > 0, aspect.den > 0, aspect.num != aspect.den {
            // The shorter axis is enlarged, so that no detail is lost.
            let ratio = Double(aspect.num) / Double(aspect.den)
            if ratio > 1 {
                square.width = max(1, Int((Double(stored.width) * ratio).rounded()))
            } else {
                square.height = max(1, Int((Double(stored.height) / ratio).rounded()))
            }
            let limit = max(PictureGeometry.longestStretchedSide, stored.height, stored.width)
            if max(square.height, square.width) > limit {
                square = stored
                warn(
                    MediaWarning(
                        .picture,
                        "the pixel aspect ratio \(aspect.num):\(aspect.den) is implausible and not applied"))
            }
        }
        orientation = PictureGeometry.orientation(of: frame, stream: stream, warn: warn)
    }

    private static func orientation(
        of frame: UnsafeMutablePointer<AVFrame>, stream: UnsafeMutablePointer<AVStream>,
        warn: (MediaWarning) -> Void
    ) -> Orientation {
        func read(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) -> Orientation? {
            guard count >= 36 else { return nil }
            let turn = bytes.withMemoryRebound(to: Int32.self, capacity: 9) { Orientation(displayMatrix: $0) }
            if turn == nil {
                warn(
                    MediaWarning(
                        .picture, "the display matrix is not a turn by a multiple of 90° and not applied"))
            }
            return turn ?? .upright
        }
        if let side = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX),
            let turn = read(side.pointee.data, count: side.pointee.size)
        {
            return turn
        }
        var size = 0
        if let data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size),
            let turn = read(data, count: size)
        {
            return turn
        }
        // FFmpeg's JPEG decoder of this age leaves the Exif tags as text.
        if let entry = av_dict_get(frame.pointee.metadata, "Orientation", nil, 0),
            let number = Int(String(cString: entry.pointee.value).filter(\.isNumber)),
            let turn = Orientation(exif: number)
        {
            return turn
        }
        return .upright
    }
}

/// The colour coding of a decoded frame, as the conversion to RGB needs it.
struct ColourCoding: Equatable {
    /// One of swscale's `SWS_CS_` matrices; without meaning for RGB.
    var matrix: Int32
    var isFullRange: Bool
    /// Position of the chroma samples in swscale's 1/256 luma pixels, where the format subsamples.
    var chromaPosition: (horizontal: Int32, vertical: Int32) { (chromaHorizontal, chromaVertical) }
    private var chromaHorizontal: Int32
    private var chromaVertical: Int32

    /// What the frame is tagged with; untagged, BT.601 below 720 lines and BT.709 from there on, in the range
    /// that is usual for its format.
    init(frame: UnsafeMutablePointer<AVFrame>, warn: (MediaWarning) -> Void) {
        let lines = frame.pointee.height
        switch frame.pointee.colorspace {
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
        switch frame.pointee.color_trc {
        case AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67:
            warn(MediaWarning(.picture, "the video is HDR; its tones are not mapped and look flat"))
        default: break
        }
        let format = AVPixelFormat(frame.pointee.format)
        let alwaysFull = [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P]
        let descriptor = av_pix_fmt_desc_get(format)
        // Deep RGB, which XYZ is turned into first, reaches 8 bits by way of YUV inside libswscale; both ways must
        // then use one matrix.
        let isRGB = descriptor.map { $0.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB) != 0 } ?? false
        if isRGB || [AV_PIX_FMT_XYZ12LE, AV_PIX_FMT_XYZ12BE].contains(format) {
            matrix = SWS_CS_ITU709
        }
        // FFmpeg holds grey without a tag to be full range, as still images are.
        let isGrey = descriptor.map { $0.pointee.nb_components <= 2 } ?? false
        switch frame.pointee.color_range {
        case AVCOL_RANGE_JPEG: isFullRange = true
        case AVCOL_RANGE_MPEG: isFullRange = alwaysFull.contains(format)
        default: isFullRange = alwaysFull.contains(format) || isGrey
        }

        (chromaHorizontal, chromaVertical) = (-513, -513)
        guard let descriptor, descriptor.pointee.nb_components >= 3, descriptor.pointee.log2_chroma_w == 1
        else { return }
        let halvesRows = descriptor.pointee.log2_chroma_h == 1
        switch frame.pointee.chroma_location {
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
