import Base
import CFFmpeg
import Pixels

/// One pass over an input: demultiplexes it, decodes the chosen video stream, and passes audio packets on
/// undecoded.
final class DecodeSession {
    let demuxer: Demuxer
    let videoStream: Int
    let decoder: any FrameDecoder
    /// Container stream numbers of the audio streams whose packets are wanted, by their order.
    private let audioStreams: [Int]
    private let packet: UnsafeMutablePointer<AVPacket>
    private var isDraining = false
    /// Video packets are dropped until this one is seen.
    private var awaited: FrameIndex.EntryPoint?
    private(set) var missedEntryPoint = false
    /// Why demultiplexing ended where it was not at a clean end.
    private(set) var failure: String?
    /// The latest end of any packet of a timed stream, in microseconds.
    private(set) var lastSeenMicroseconds: Int64 = .min
    /// Video packets read, and those of them the demuxer knows to be cut short.
    private(set) var videoPackets = 0
    private(set) var corruptPackets = 0

    /// - Parameter audioStreams: container numbers of the streams whose packets `onAudio` gets.
    init(demuxer: Demuxer, videoStream: Int, audioStreams: [Int], threads: Int) throws {
        guard let packet = av_packet_alloc() else {
            throw VitvideoError.outOfMemory("read \(demuxer.source.path)")
        }
        self.packet = packet
        self.demuxer = demuxer
        self.videoStream = videoStream
        self.audioStreams = audioStreams
        do {
            let stream = demuxer.streams[videoStream]!
            decoder =
                if demuxer.isPictureFormat {
                    try StillDecoder(stream: stream, path: demuxer.source.path, threads: threads)
                } else {
                    try VideoDecoder(stream: stream, path: demuxer.source.path, threads: threads)
                }
        } catch {
            var owned: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&owned)
            throw error
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&owned)
    }

    var stream: UnsafeMutablePointer<AVStream> { demuxer.streams[videoStream]! }

    /// Whether no frame depends on another.
    var isIntraOnly: Bool {
        avcodec_descriptor_get(stream.pointee.codecpar.pointee.codec_id).map {
            $0.pointee.props & AV_CODEC_PROP_INTRA_ONLY != 0
        } ?? false
    }

    /// Video packets that the container's own table promises; 0 where it has none. MP4's sample table is
    /// exact, but an edit list may show less of it, or parts of it twice: FFmpeg's index is what is shown.
    /// AVI's header also counts gaps; in its index a gap has size 0.
    func promisedPackets(format: String) -> Int {
        if format.hasPrefix("mov,") { return Int(avformat_index_get_entries_count(stream)) }
        // Changes of the palette have entries in the index too.
        let depth = stream.pointee.codecpar.pointee.bits_per_coded_sample
        guard format == "avi", depth == 0 || depth > 8 else { return 0 }
        return (0..<avformat_index_get_entries_count(stream)).count {
            avformat_index_get_entry(stream, $0).pointee.size > 0
        }
    }

    /// Starts decoding at `entry`, which must lie at or after where `seekTicks` leads. Only for a session
    /// that has read nothing yet.
    /// - Returns: whether the demuxer could seek.
    func start(at entry: FrameIndex.EntryPoint, seekTicks: Int64) -> Bool {
        awaited = entry
        return demuxer.seek(stream: videoStream, toTicks: seekTicks)
    }

    /// The next decoded frame, in the order frames are shown; `nil` at the end.
    func nextFrame(onAudio: (AudioPacket) -> Void) throws -> FrameHandle? {
        let handle = try FrameHandle()
        while true {
            switch try decoder.receive(into: handle) {
            case .frame: return handle
            case .end: return nil
            case .needsInput:
                if isDraining { return nil }
                if try readVideoPacket(onAudio: onAudio) {
                    defer { av_packet_unref(packet) }
                    try decoder.send(packet)
                } else {
                    isDraining = true
                    try decoder.send(nil)
                }
            }
        }
    }

    /// Reads a packet without decoding it, for the audio alone.
    /// - Returns: whether there was another packet.
    func skipPacket(onAudio: (AudioPacket) -> Void) throws -> Bool {
        defer { av_packet_unref(packet) }
        return try readPacket(onAudio: onAudio) != nil
    }

    /// - Returns: whether `packet` now holds one of the video stream; `false` at the end of the input.
    private func readVideoPacket(onAudio: (AudioPacket) -> Void) throws -> Bool {
        while let isVideo = try readPacket(onAudio: onAudio) {
            if isVideo, isPastEntry() { return true }
            av_packet_unref(packet)
        }
        return false
    }

    /// - Returns: whether the packet is of the video stream; `nil` at the end of the input.
    private func readPacket(onAudio: (AudioPacket) -> Void) throws -> Bool? {
        switch try demuxer.read(into: packet) {
        case .end(let failure):
            if let failure { self.failure = failure }
            return nil
        case .packet: break
        }
        let index = Int(packet.pointee.stream_index)
        noteTime(of: index)
        if index == videoStream {
            videoPackets += 1
            if packet.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 { corruptPackets += 1 }
            return true
        }
        if let position = audioStreams.firstIndex(of: index) {
            onAudio(
                try AudioPacket(
                    moving: packet, audioStreamIndex: position,
                    timeBase: Rational(demuxer.streams[index]!.pointee.time_base)))
        }
        return false
    }

    private func isPastEntry() -> Bool {
        guard let entry = awaited else { return true }
        let isKey = packet.pointee.flags & AV_PKT_FLAG_KEY != 0
        if isKey, packet.pointee.pts == entry.pts, packet.pointee.size == entry.byteCount {
            awaited = nil
            return true
        }
        if isKey, let pts = ticks(packet.pointee.pts), pts > entry.pts { missedEntryPoint = true }
        return false
    }

    private func noteTime(of index: Int) {
        guard let pts = ticks(packet.pointee.pts), let stream = demuxer.streams[index]?.pointee else {
            return
        }
        let end = rescale(
            pts + packet.pointee.duration, from: Rational(stream.time_base), to: .microseconds)
        lastSeenMicroseconds = max(lastSeenMicroseconds, end)
    }
}
