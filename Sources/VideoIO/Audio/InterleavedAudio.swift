import CFFmpeg
import Pixels

/// The audio packets met on the way from frame to frame, cut to the selection.
final class InterleavedAudio {
    private var cutter = AudioCutter()
    /// Whether the selection has an end of its own.
    private let isBounded: Bool
    /// Seconds per tick of each stream.
    private let timeBases: [Rational]

    /// - Parameter packets: those met before the first frame.
    init(_ streams: [AudioStreamInfo], isBounded: Bool, packets: [AudioPacket]) {
        timeBases = streams.map(\.timeBase)
        self.isBounded = isBounded
        for packet in packets { cutter.add(packet) }
    }

    /// Adds a packet.
    func add(_ packet: AudioPacket) { cutter.add(packet) }

    /// Drops packets that start before `time`; used while the first selected frame is not yet reached.
    func drop(before time: FrameTime) { cutter.drop(before: time) }

    /// Sets where the selection begins, which becomes zero.
    func begin(at time: FrameTime) { cutter.begin(at: time) }

    /// The packets to deliver with a frame. Where the selection has an end, only packets before the frame are
    /// known to lie inside it: the end may be this frame's time.
    func packets(with frame: FrameTime) -> [AudioPacket] { cutter.take(before: isBounded ? frame : nil) }

    /// The packets after the last frame.
    /// - Parameters:
    ///   - end: where the selection ends, exclusive.
    ///   - session: read on by up to 10 s, since audio may be stored behind its picture.
    func trailingPackets(until end: FrameTime?, reading session: DecodeSession) throws -> [AudioPacket] {
        guard isBounded, let end else { return cutter.take(before: nil) }
        let limit = rescale(end.ptsTicks, from: end.timeBase, to: .microseconds) + 10_000_000
        while !cutter.hasPassed(end, streams: timeBases), session.lastSeenMicroseconds < limit,
            try session.skipPacket(onAudio: { cutter.add($0) })
        {}
        return cutter.take(before: end)
    }
}
