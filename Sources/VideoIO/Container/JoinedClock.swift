import Base
import CFFmpeg
import Pixels

/// Lays the parts of a joined file one after the other on one clock.
///
/// Transport streams, VOB and FLV files can be joined byte for byte. Each part then has a clock of its own: from one
/// part to the next the decoding times of every stream fall back. All packets of a part are moved by the same time, so
/// that sound and pictures stay together, and so far that no stream begins before it ended in the part before.
///
/// How far is known once every stream has reached the part. Its packets are held until then, for a second of the part
/// at most. A single packet whose time falls back is no new part: it loses its times.
final class JoinedClock {
    private struct Track {
        let timeBase: Rational
        /// Number of the part that the last packet belongs to.
        var part = 0
        /// Time of the last packet, in the part's own ticks: of decoding once a packet had one, else of presentation.
        var last: Int64
        var lastIsDecoded: Bool
        /// How many packets ago the demuxer called one damaged; nil where it called none so.
        var packetsSinceFlag: Int?
        /// Where the latest packet of the part ends, in the part's own ticks.
        var end: Int64
    }

    /// A part whose place is not decided yet.
    private struct Opening {
        /// What is known of a stream that has reached the part, in its ticks.
        struct Start {
            /// Where the stream ended before, on the joined clock.
            let previousEnd: Int64
            /// Decoding time of its last packet before the part.
            let previousLast: Int64
            /// Decoding time of its first packet in the part.
            let firstDecoded: Int64
            /// Whether a packet before the part was called damaged because the part begins.
            let followsFlag: Bool
            /// Its earliest presentation time in the part.
            var earliest: Int64
            var packets = 1
        }

        var starts: [Int: Start] = [:]
        /// Streams that were read in the part before, and have not reached this one.
        var awaited: Set<Int>
    }

    private struct Held {
        let owned: OwnedPacket
        var packet: UnsafeMutablePointer<AVPacket> { owned.packet }
        /// Nil for streams without a clock.
        let part: Int?
    }

    /// How far each part is moved.
    private var shifts = [FrameTime(ptsTicks: 0, durationTicks: 0, timeBase: .microseconds)]
    private var tracks: [Int: Track] = [:]
    private var opening: Opening?
    private var held: [Held] = []
    private var ready: [OwnedPacket] = []

    /// How often a new part has begun.
    var restarts: Int { shifts.count - 1 + (opening == nil ? 0 : 1) }

    /// Packets of each stream that the demuxer called damaged for no other reason than that the next part begins
    /// behind them: where transport streams are joined, their counters jump.
    private(set) var flaggedForJoint: [Int: Int] = [:]

    private static let mostHeld = 1_000

    /// Moves a packet to its place on the joined clock, or takes it over for later.
    /// - Parameter stream: the packet's.
    /// - Returns: whether the packet is ready; `false` where it was taken over and left blank.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func add(
        _ packet: UnsafeMutablePointer<AVPacket>, of stream: UnsafeMutablePointer<AVStream>
    ) throws -> Bool {
        let part = part(of: packet, stream)
        if opening == nil, held.isEmpty {
            if let part { move(packet, by: shifts[part]) }
            return true
        }
        held.append(Held(owned: try OwnedPacket(moving: packet, to: "read video"), part: part))
        if opening == nil { release() } else if isDecidable { settle() }
        return false
    }

    /// Takes the next packet that was held and is ready.
    /// - Returns: whether there was one.
    func take(into packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        guard !ready.isEmpty else { return false }
        ready.removeFirst().move(to: packet)
        return true
    }

    /// Decides with what is known: there is no more to come.
    func finish() { if opening != nil { settle() } }

    /// Finds out which part a packet belongs to.
    private func part(
        of packet: UnsafeMutablePointer<AVPacket>, _ stream: UnsafeMutablePointer<AVStream>
    ) -> Int? {
        let kind = stream.pointee.codecpar.pointee.codec_type
        let isPicture = stream.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC != 0
        guard kind == AVMEDIA_TYPE_AUDIO || kind == AVMEDIA_TYPE_VIDEO, !isPicture else { return nil }
        let index = Int(packet.pointee.stream_index)
        let decoded = ticks(packet.pointee.dts)
        guard let time = decoded ?? ticks(packet.pointee.pts) else { return tracks[index]?.part ?? 0 }
        let shown = ticks(packet.pointee.pts) ?? time
        let end = shown + max(0, packet.pointee.duration)
        let isFlagged = packet.pointee.flags & AV_PKT_FLAG_CORRUPT != 0
        guard var track = tracks[index] else {
            let timeBase = Rational(stream.pointee.time_base)
            tracks[index] = Track(
                timeBase: timeBase, part: restarts, last: time, lastIsDecoded: decoded != nil,
                packetsSinceFlag: isFlagged ? 0 : nil, end: end)
            return restarts
        }
        defer {
            track.packetsSinceFlag = isFlagged ? 0 : track.packetsSinceFlag.map { $0 + 1 }
            tracks[index] = track
        }
        // The two kinds of time do not compare.
        guard track.lastIsDecoded == (decoded != nil) else {
            if decoded != nil { (track.last, track.lastIsDecoded) = (time, true) }
            track.end = max(track.end, end)
            return track.part
        }
        // Presentation times alone are not in order where frames are reordered.
        let slack = max(
            rescale(decoded == nil ? 1_000_000 : 250_000, from: .microseconds, to: track.timeBase),
            decoded == nil ? 16 * packet.pointee.duration : 0)
        if track.part == restarts, let start = opening?.starts[index], opening?.starts.count == 1,
            time - track.last > slack, time > start.previousLast, time - start.previousLast <= 4 * slack
        {
            dropGlitch(of: index, resuming: &track)
        } else if track.last - time > slack {
            if track.part == restarts { begin() }
            // The flag is on the packet that is cut out of the stream while the last one comes in.
            let followsFlag = track.packetsSinceFlag.map { $0 < 2 } ?? false
            let previousEnd = track.end + offset(of: shifts[track.part], in: track)
            track.part = restarts
            opening?.awaited.remove(index)
            opening?.starts[index] = Opening.Start(
                previousEnd: previousEnd, previousLast: track.last, firstDecoded: time,
                followsFlag: followsFlag, earliest: shown)
            if followsFlag { flaggedForJoint[index, default: 0] += 1 }
            track.end = end
        } else if track.part == restarts, var start = opening?.starts[index] {
            start.earliest = min(start.earliest, shown)
            start.packets += 1
            opening?.starts[index] = start
        }
        track.last = time
        track.end = max(track.end, end)
        return track.part
    }

    /// Begins a part. One that is still open is decided with what is known of it.
    private func begin() {
        if opening != nil { settle() }
        let current = restarts
        opening = Opening(awaited: Set(tracks.filter { $0.value.part == current }.keys))
    }

    /// Whether a part's streams have all come, each with more than one packet, or enough of it has been read.
    private var isDecidable: Bool {
        guard let opening else { return false }
        if held.count >= JoinedClock.mostHeld { return true }
        if opening.awaited.isEmpty, opening.starts.values.allSatisfy({ $0.packets > 1 }) { return true }
        return opening.starts.contains { index, start in
            guard let track = tracks[index] else { return false }
            return track.last - start.firstDecoded > offset(of: JoinedClock.second, in: track)
        }
    }

    private static let second = FrameTime(ptsTicks: 1, durationTicks: 0, timeBase: Rational(1, 1))

    /// Decides how far the open part is moved, and lets its packets go.
    private func settle() {
        guard let opening else { return }
        var shift: FrameTime?
        for (index, start) in opening.starts {
            guard let track = tracks[index] else { continue }
            let own = FrameTime(
                ptsTicks: start.previousEnd - start.earliest, durationTicks: 0, timeBase: track.timeBase)
            if let least = shift, own.seconds <= least.seconds { continue }
            shift = own
        }
        shifts.append(shift ?? shifts[shifts.count - 1])
        self.opening = nil
        release()
    }

    /// Takes back the part that stray packets of a stream began.
    private func dropGlitch(of index: Int, resuming track: inout Track) {
        guard let start = opening?.starts[index] else { return }
        for item in held where item.packet.pointee.stream_index == Int32(index) && item.part == track.part {
            (item.packet.pointee.pts, item.packet.pointee.dts) = (noTimestamp, noTimestamp)
        }
        if start.followsFlag { flaggedForJoint[index, default: 0] -= 1 }
        track.part -= 1
        track.last = start.previousLast
        track.end = start.previousEnd - offset(of: shifts[track.part], in: track)
        opening = nil
    }

    /// Lets the held packets go.
    private func release() {
        for item in held {
            if let part = item.part, part < shifts.count { move(item.packet, by: shifts[part]) }
            ready.append(item.owned)
        }
        held = []
    }

    private func move(_ packet: UnsafeMutablePointer<AVPacket>, by shift: FrameTime) {
        guard shift.ptsTicks != 0, let track = tracks[Int(packet.pointee.stream_index)] else { return }
        let ticks = offset(of: shift, in: track)
        if packet.pointee.pts != noTimestamp { packet.pointee.pts += ticks }
        if packet.pointee.dts != noTimestamp { packet.pointee.dts += ticks }
    }

    private func offset(of time: FrameTime, in track: Track) -> Int64 {
        rescale(time.ptsTicks, from: time.timeBase, to: track.timeBase)
    }
}
