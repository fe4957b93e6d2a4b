import Base
import CFFmpeg
import Pixels

/// The presentation times of a stream's frames, gathered by demultiplexing without decoding.
///
/// Only built where packets and frames correspond one to one, so that position in `pts` is a frame's number.
package struct FrameIndex: Sendable, Equatable {
    /// A packet that decoding can start from.
    package struct EntryPoint: Sendable, Equatable {
        package var pts: Int64
        package var dts: Int64?
        package var byteCount: Int32

        package init(pts: Int64, dts: Int64?, byteCount: Int32) {
            self.pts = pts
            self.dts = dts
            self.byteCount = byteCount
        }
    }

    /// Presentation times in ticks, strictly ascending.
    package let pts: [Int64]
    /// Where decoding can start, in the order of the file.
    package let entryPoints: [EntryPoint]

    package init(pts: [Int64], entryPoints: [EntryPoint]) {
        self.pts = pts
        self.entryPoints = entryPoints
    }

    /// How far to scan.
    enum Goal {
        case end
        /// Until frame `n` and all before it are known.
        case frame(Int)
        /// Until every frame up to this time is known, in ticks.
        case time(Int64)
    }

    /// Codecs of which each packet is one shown frame. Others (VP8 with its invisible frames, MPEG-4 in AVI
    /// with its packed ones) are decoded from the start instead.
    private static let onePacketPerFrame: Set<UInt32> = Set(
        [
            AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO,
            AV_CODEC_ID_MPEG4, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1, AV_CODEC_ID_PRORES, AV_CODEC_ID_DNXHD,
            AV_CODEC_ID_MJPEG, AV_CODEC_ID_FFV1, AV_CODEC_ID_HUFFYUV, AV_CODEC_ID_FFVHUFF,
            AV_CODEC_ID_UTVIDEO,
            AV_CODEC_ID_PNG, AV_CODEC_ID_GIF, AV_CODEC_ID_RAWVIDEO, AV_CODEC_ID_DVVIDEO, AV_CODEC_ID_JPEG2000,
            AV_CODEC_ID_QTRLE, AV_CODEC_ID_V210, AV_CODEC_ID_CFHD, AV_CODEC_ID_BMP, AV_CODEC_ID_TIFF,
        ].map(\.rawValue))

    /// Whether each packet of a codec is one shown frame.
    static func isFrame(eachPacketOf codec: AVCodecID) -> Bool { onePacketPerFrame.contains(codec.rawValue) }

    /// Scans the video stream from its beginning.
    /// - Parameter demuxer: opened, and not yet read from.
    /// - Returns: `nil` where the frames cannot be known from the packets: timestamps missing, repeated or
    ///   running backwards, a clock that restarts, damage, or a codec whose packets are not frames.
    static func scan(_ demuxer: Demuxer, videoStream: Int, until goal: Goal) throws -> FrameIndex? {
        guard let packet = av_packet_alloc() else {
            throw VitvideoError.outOfMemory("read \(demuxer.source.path)")
        }
        defer {
            var owned: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&owned)
        }
        for (index, stream) in demuxer.streams.enumerated() where index != videoStream {
            stream?.pointee.discard = AVDISCARD_ALL
        }
        guard let parameters = demuxer.streams[videoStream]?.pointee.codecpar.pointee,
            onePacketPerFrame.contains(parameters.codec_id.rawValue)
        else { return nil }

        var times: [Int64] = []
        var entries: [EntryPoint] = []
        var lastDTS = Int64.min
        reading: while true {
            switch try demuxer.read(into: packet) {
            case .end: break reading
            case .packet: break
            }
            defer { av_packet_unref(packet) }
            guard packet.pointee.stream_index == Int32(videoStream) else { continue }
            guard let pts = ticks(packet.pointee.pts), packet.pointee.flags & AV_PKT_FLAG_CORRUPT == 0,
                demuxer.clockRestarts == 0
            else { return nil }
            let dts = ticks(packet.pointee.dts)
            if let dts {
                guard dts >= lastDTS else { return nil }
                lastDTS = dts
            }
            if packet.pointee.flags & AV_PKT_FLAG_KEY != 0 {
                entries.append(.init(pts: pts, dts: dts, byteCount: packet.pointee.size))
            }
            // Frames before an edit's start are decoded but not shown.
            if packet.pointee.flags & AV_PKT_FLAG_DISCARD == 0 { times.append(pts) }
            if times.count % 64 == 0, reached(goal, times: times, dts: lastDTS) { break reading }
        }
        times.sort()
        for (earlier, later) in zip(times, times.dropFirst()) where earlier == later { return nil }
        return FrameIndex(pts: times, entryPoints: entries)
    }

    /// Whether all packets still to come are shown after the goal: they have later decoding times.
    private static func reached(_ goal: Goal, times: [Int64], dts: Int64) -> Bool {
        switch goal {
        case .end: return false
        case .time(let time): return dts > time
        case .frame(let number):
            return times.count > number + 64 && times.sorted()[number] < dts
        }
    }

    /// The index without the frames that the decoder does not output at the beginning of the file, since they
    /// depend on frames before the file's beginning.
    /// - Parameter decoded: presentation times of the first decoded frames, in ticks.
    /// - Returns: `nil` where the other frames are not those of the index.
    func confirmed(by decoded: [Int64]) -> FrameIndex? {
        guard let first = decoded.first, let skipped = pts.firstIndex(of: first),
            Array(pts.dropFirst(skipped).prefix(decoded.count)) == decoded
        else { return nil }
        return FrameIndex(pts: Array(pts.dropFirst(skipped)), entryPoints: entryPoints)
    }

    /// The number of the first frame at or after a time.
    func firstFrame(atOrAfter time: Int64) -> Int {
        var (low, high) = (0, pts.count)
        while low < high {
            let middle = (low + high) / 2
            if pts[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Entry points from which frame `number` decodes, the nearest first. Frames shown before a key frame but
    /// stored after it (open groups of pictures) depend on what precedes it, those shown from it on do not.
    func entryPoints(forFrame number: Int) -> [EntryPoint] {
        let time = pts[number]
        return entryPoints.filter { $0.pts <= time && $0.pts >= pts[0] }.reversed()
    }
}
