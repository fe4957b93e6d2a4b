import CFFmpeg
import Pixels

/// What a decoded frame and its stream say about the picture: everything that geometry and color coding are
/// derived from. Frames with equal tags have the same of both.
struct FrameTags: Equatable {
    /// How the stored picture is turned.
    enum Turn: Equatable {
        case untagged
        case by(Orientation)
        /// By an angle that is not a multiple of 90°.
        case oblique
    }

    let size: PictureSize
    private(set) var pixelFormat: AVPixelFormat
    /// Width to height of a pixel; 0/1 where unknown.
    private(set) var pixelAspect: Rational
    let turn: Turn
    let colorSpace: AVColorSpace
    let transfer: AVColorTransferCharacteristic
    let range: AVColorRange
    let chromaLocation: AVChromaLocation

    /// - Parameters:
    ///   - handle: a frame of the stream, decoded.
    ///   - videoStream: number of the stream in its container.
    init(of handle: FrameHandle, demuxer: Demuxer, videoStream: Int) {
        let frame = handle.frame
        let stream = demuxer.streams[videoStream]!
        size = handle.size
        pixelFormat = handle.pixelFormat
        pixelAspect = Rational(av_guess_sample_aspect_ratio(demuxer.context, stream, frame))
        turn =
            FrameTags.turn(of: frame, stream: stream)
            ?? (handle.orientation ?? demuxer.pictureOrientation).map { .by($0) } ?? .untagged
        colorSpace = frame.pointee.colorspace
        transfer = frame.pointee.color_trc
        range = frame.pointee.color_range
        chromaLocation = frame.pointee.chroma_location
    }

    /// The same of a picture that was made of the frame in another format, whose pixels are to be kept one by one.
    func withSquarePixels(of format: AVPixelFormat) -> FrameTags {
        var tags = self
        (tags.pixelFormat, tags.pixelAspect) = (format, Rational(1, 1))
        return tags
    }

    private static func turn(
        of frame: UnsafeMutablePointer<AVFrame>, stream: UnsafeMutablePointer<AVStream>
    ) -> Turn? {
        func read(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) -> Turn? {
            guard count >= 36 else { return nil }
            return bytes.withMemoryRebound(to: Int32.self, capacity: 9) {
                Orientation(displayMatrix: $0).map { .by($0) } ?? .oblique
            }
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
            let orientation = Orientation(exif: number)
        {
            return .by(orientation)
        }
        return nil
    }
}
