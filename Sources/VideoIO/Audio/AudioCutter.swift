import CFFmpeg
import Pixels

/// Keeps audio packets until it is known whether they belong to the selected span, and shifts their times as
/// those of the frames are shifted.
///
/// A packet belongs to the span in which it starts.
struct AudioCutter {
    private var held: [AudioPacket] = []
    /// Where each stream's next packet is expected, in its own ticks.
    private var expected: [Int: Int64] = [:]
    private var start: FrameTime?
    /// Subtracted from the times of packets that are taken.
    private var origin: FrameTime?

    /// Adds a packet.
    mutating func add(_ packet: AudioPacket) {
        let raw = packet.packet
        // Packets without a time follow their predecessor, as in raw streams.
        if raw.pointee.pts == noTimestamp {
            raw.pointee.pts = ticks(raw.pointee.dts) ?? expected[packet.audioStreamIndex] ?? 0
        }
        if raw.pointee.dts == noTimestamp { raw.pointee.dts = raw.pointee.pts }
        expected[packet.audioStreamIndex] = raw.pointee.pts + raw.pointee.duration
        held.append(packet)
    }

    /// Drops packets that start before `time`; used while the first selected frame is not yet reached.
    mutating func drop(before time: FrameTime) {
        held.removeAll { AudioCutter.compare($0, time) < 0 }
    }

    /// Sets where the span begins: what starts earlier is dropped, and `time` becomes zero.
    mutating func begin(at time: FrameTime) {
        start = time
        origin = time
        drop(before: time)
    }

    /// Removes and returns the packets that start before `time`, or all of them, on the output's clock.
    mutating func take(before time: FrameTime?) -> [AudioPacket] {
        var taken: [AudioPacket] = []
        var kept: [AudioPacket] = []
        for packet in held {
            if let start, AudioCutter.compare(packet, start) < 0 { continue }
            if let time, AudioCutter.compare(packet, time) >= 0 {
                kept.append(packet)
            } else {
                taken.append(packet)
            }
        }
        held = kept
        if let origin {
            for packet in taken {
                packet.shift(
                    byTicks: -rescale(origin.ptsTicks, from: origin.timeBase, to: packet.timeBase))
            }
        }
        return taken
    }

    /// Whether every stream has been read past `time`.
    func hasPassed(_ time: FrameTime, streams: [Rational]) -> Bool {
        streams.indices.allSatisfy { index in
            guard let next = expected[index] else { return false }
            return av_compare_ts(
                next, AVRational(streams[index]), time.ptsTicks, AVRational(time.timeBase)) > 0
        }
    }

    private static func compare(_ packet: AudioPacket, _ time: FrameTime) -> Int32 {
        av_compare_ts(
            packet.packet.pointee.pts, AVRational(packet.timeBase), time.ptsTicks, AVRational(time.timeBase))
    }
}
