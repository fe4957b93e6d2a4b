import CFFmpeg

/// Pictures of 16 bits a sample become 8 by their upper byte, as PIL reads them in color.
enum DeepPicture {
    /// Where the upper bytes of red, green and blue lie in a pixel, by format.
    private static func places(_ format: AVPixelFormat) -> (red: Int, green: Int, blue: Int)? {
        switch format {
        case AV_PIX_FMT_RGB48BE, AV_PIX_FMT_RGBA64BE: (0, 2, 4)
        case AV_PIX_FMT_RGB48LE, AV_PIX_FMT_RGBA64LE: (1, 3, 5)
        case AV_PIX_FMT_GRAY16BE, AV_PIX_FMT_YA16BE: (0, 0, 0)
        case AV_PIX_FMT_GRAY16LE, AV_PIX_FMT_YA16LE: (1, 1, 1)
        default: nil
        }
    }

    /// Replaces a picture of 16 bits a sample by one in RGB24; leaves others alone.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    static func narrow(_ handle: FrameHandle) throws {
        guard let places = places(handle.pixelFormat) else { return }
        try handle.replace { ($0[places.red], $0[places.green], $0[places.blue]) }
        handle.isNarrowed = true
    }
}
