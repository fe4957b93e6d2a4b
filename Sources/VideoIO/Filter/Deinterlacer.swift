import CFFmpeg
import Pixels

/// Makes one progressive frame of each interlaced one; progressive frames pass through unchanged.
///
/// FFmpeg's bwdif looks one frame back and one ahead, so a frame comes out when the next one goes in.
final class Deinterlacer {
    /// How many frames before a given one can influence it.
    static let framesOfContext = 3

    private let threads: Int
    private var graph: FilterGraph?
    private var size: PictureSize?
    private var format = cff_pixel_format_none()
    /// Frames inside the graph, oldest first.
    private var inside: [NumberedFrame] = []
    /// Interlaced frames that were not deinterlaced, since the filter does not take their pixel format or
    /// size.
    private(set) var leftInterlaced = 0

    init(threads: Int) { self.threads = threads }

    /// False for codecs without interlaced frames.
    static func isNeeded(for codec: AVCodecID) -> Bool {
        ![
            AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1, AV_CODEC_ID_GIF, AV_CODEC_ID_THEORA,
            AV_CODEC_ID_HEVC, AV_CODEC_ID_APNG, AV_CODEC_ID_FLV1, AV_CODEC_ID_H263, AV_CODEC_ID_WEBP,
            AV_CODEC_ID_BMP, AV_CODEC_ID_MPEG1VIDEO,
        ].contains(codec)
    }

    /// bwdif takes planar YUV and gray. libavfilter would convert any other format before it, unasked.
    private static let formats: Set<Int32> = Set(
        [
            AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV410P,
            AV_PIX_FMT_YUV411P, AV_PIX_FMT_YUV440P, AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P,
            AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P10LE,
            AV_PIX_FMT_YUV420P12LE, AV_PIX_FMT_YUV422P12LE, AV_PIX_FMT_YUV444P12LE, AV_PIX_FMT_GRAY8,
            AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUVA422P, AV_PIX_FMT_YUVA444P,
        ].map(\.rawValue))

    /// Takes a frame in and returns those that are ready.
    /// - Throws: `VitvideoError` of kind `unavailable` where libavfilter fails.
    func push(_ frame: NumberedFrame) throws -> [NumberedFrame] {
        let raw = frame.handle.frame
        let frameSize = frame.handle.size
        var ready: [NumberedFrame] = []
        if frameSize != size || frame.handle.pixelFormat != format {
            ready = try flush()
            size = frameSize
            format = frame.handle.pixelFormat
            // bwdif refuses pictures with fewer than three rows or columns in any plane.
            let fits =
                Deinterlacer.formats.contains(format.rawValue) && min(frameSize.height, frameSize.width) >= 16
            graph =
                fits
                ? try FilterGraph(
                    "bwdif=mode=send_frame:parity=auto:deint=interlaced", size: frameSize, format: format,
                    threads: threads)
                : nil
        }
        let isInterlaced = raw.pointee.interlaced_frame != 0
        guard let graph else {
            if isInterlaced { leftInterlaced += 1 }
            return ready + [frame]
        }
        // A number instead of a time: outputs are matched to inputs by order, and times stay exact.
        raw.pointee.pts = Int64(frame.index)
        inside.append(frame)
        try graph.push(frame.handle)
        return ready + (try drain(graph))
    }

    /// Returns all frames still inside.
    /// - Throws: as `push`.
    func flush() throws -> [NumberedFrame] {
        guard let graph else { return [] }
        try graph.push(nil)
        let ready = try drain(graph)
        self.graph = nil
        size = nil
        inside.removeAll()
        return ready
    }

    private func drain(_ graph: FilterGraph) throws -> [NumberedFrame] {
        var ready: [NumberedFrame] = []
        while let handle = try graph.pull(), !inside.isEmpty {
            var frame = inside.removeFirst()
            frame.handle = handle
            ready.append(frame)
        }
        return ready
    }
}
