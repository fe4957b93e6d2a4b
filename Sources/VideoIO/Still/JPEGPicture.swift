import Base
import CFFmpeg
import CJPEG
import Pixels

/// Still JPEG pictures by libjpeg-turbo, as PIL, OpenCV and browsers decode them. FFmpeg enlarges chroma otherwise.
enum JPEGPicture {
    /// Decodes the picture in a packet into a frame in RGB24.
    /// - Returns: nil where libjpeg does not read the picture: FFmpeg's decoder may.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    static func decode(_ packet: UnsafeMutablePointer<AVPacket>) throws -> FrameHandle? {
        let bytes = packet.bytes
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return nil }
        var picture = cjpeg_picture()
        guard cjpeg_read_header(start, bytes.count, &picture) == 0 else { return nil }
        let size = PictureSize(height: Int(picture.height), width: Int(picture.width))
        // A block of 8×8 pixels takes a bit at least. A header that promises more lies.
        let blocks = ((size.height + 7) / 8) * ((size.width + 7) / 8)
        guard blocks / 8 <= bytes.count,
            av_image_check_size(UInt32(size.width), UInt32(size.height), 0, nil) >= 0
        else { return nil }
        let handle = try FrameHandle(size: size, format: AV_PIX_FMT_RGB24)
        let frame = handle.frame
        guard let target = frame.pointee.data.0 else { return nil }
        let rowBytes = Int(frame.pointee.linesize.0)
        // Rows that are missing are gray.
        target.update(repeating: 128, count: rowBytes * size.height)
        guard cjpeg_decode(start, bytes.count, target, rowBytes, &picture) > 0 else { return nil }
        if picture.damaged != 0 { frame.pointee.decode_error_flags = FF_DECODE_ERROR_INVALID_BITSTREAM }
        frame.pointee.pts = packet.pointee.pts
        frame.pointee.pkt_dts = packet.pointee.dts
        frame.pointee.best_effort_timestamp = packet.pointee.pts
        frame.pointee.pkt_duration = packet.pointee.duration
        frame.pointee.colorspace = AVCOL_SPC_RGB
        handle.orientation = ExifOrientation.inJPEG(bytes)
        return handle
    }
}
