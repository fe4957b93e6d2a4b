import CFFmpeg
import Pixels

/// Finds the start of a range in a long file without decoding what comes before it.
///
/// The frames' times are scanned by demultiplexing and checked against the frames decoded at the beginning of
/// the file. Decoding starts at the key frame before the target. Every frame decoded on the way there must be
/// the one the scan predicts; otherwise the caller decodes from the beginning, which is always right.
struct RangeSeeker {
    let source: MediaSource
    let sequenceFrameRate: Rational
    let videoStream: Int
    let audioStreams: [Int]
    let threads: Int

    /// So many frames at the beginning are compared with a scan before it is trusted.
    static let framesCompared = 32

    /// Where reading continues.
    struct Position {
        var session: DecodeSession
        /// Frames already decoded, the first of which has number `index`.
        var decoded: [FrameHandle]
        var index: Int
        /// Audio packets met on the way.
        var packets: [AudioPacket]
    }

    private func openDemuxer() throws -> Demuxer {
        try Demuxer(source: source, sequenceFrameRate: sequenceFrameRate)
    }

    /// The times of the file's frames; `nil` where they cannot be known without decoding.
    /// - Parameter leadingFrames: the first frames of the file, decoded.
    func index(until goal: FrameIndex.Goal, leadingFrames: [FrameHandle]) throws -> FrameIndex? {
        try FrameIndex.scan(try openDemuxer(), videoStream: videoStream, until: goal)?
            .confirmed(by: leadingFrames.map(\.frame.pointee.best_effort_timestamp))
    }

    /// The times of all the file's frames, with a decoder of its own; `nil` where they cannot be known without decoding.
    func completeIndex() throws -> FrameIndex? {
        let session = try DecodeSession(
            demuxer: try openDemuxer(), videoStream: videoStream, audioStreams: [], threads: threads)
        var leading: [FrameHandle] = []
        try decodeLeadingFrames(of: session, into: &leading) { _ in }
        return try index(until: .end, leadingFrames: leading)
    }

    /// Decodes on from the beginning until there are as many frames as are compared.
    func decodeLeadingFrames(
        of session: DecodeSession, into frames: inout [FrameHandle], onAudio: (AudioPacket) -> Void
    ) throws {
        while frames.count < Self.framesCompared, let next = try session.nextFrame(onAudio: onAudio) {
            frames.append(next)
        }
    }

    /// How many frames the file has, by decoding them all; 0 where it cannot be read a second time.
    func countFrames() throws -> Int {
        guard source.canReopen else { return 0 }
        let session = try DecodeSession(
            demuxer: try openDemuxer(), videoStream: videoStream, audioStreams: [], threads: threads)
        var count = 0
        while try session.nextFrame(onAudio: { _ in }) != nil { count += 1 }
        return count
    }

    /// Decodes up to frame `number` from the key frame before it.
    /// - Returns: `nil` where that does not give the frames the index predicts.
    func position(atFrame number: Int, in index: FrameIndex) throws -> Position? {
        let target = max(0, number - Deinterlacer.framesOfContext)
        for entry in index.entryPoints(forFrame: target).prefix(3) {
            if let position = try position(from: entry, toFrame: number, in: index) { return position }
        }
        return nil
    }

    private func position(
        from entry: FrameIndex.EntryPoint, toFrame number: Int, in index: FrameIndex
    ) throws -> Position? {
        let demuxer = try openDemuxer()
        let session = try DecodeSession(
            demuxer: demuxer, videoStream: videoStream, audioStreams: audioStreams, threads: threads)
        // A second earlier, since audio may be stored before its picture; video up to the entry is dropped.
        let timeBase = session.stream.pointee.time_base
        let second = Int64(timeBase.den) / Int64(max(1, timeBase.num))
        guard session.start(at: entry, seekTicks: min(entry.pts, entry.dts ?? entry.pts) - second) else {
            return nil
        }
        var packets: [AudioPacket] = []
        var recent: [FrameHandle] = []
        var next = index.firstFrame(atOrAfter: entry.pts)
        while next <= number {
            guard let handle = try session.nextFrame(onAudio: { packets.append($0) }),
                !session.missedEntryPoint
            else { return nil }
            let pts = handle.frame.pointee.best_effort_timestamp
            // Shown before the key frame but stored after it: it depends on frames that were not decoded.
            if pts < entry.pts { continue }
            guard next < index.pts.count, pts == index.pts[next] else { return nil }
            recent.append(handle)
            if recent.count > Deinterlacer.framesOfContext + 1 { recent.removeFirst() }
            next += 1
        }
        return Position(
            session: session, decoded: recent, index: next - recent.count, packets: packets)
    }
}
