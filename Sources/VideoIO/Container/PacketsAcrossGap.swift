import CFFmpeg

/// Video packets of an MP4 that are shown after a long gap and were to be decoded before it. FFmpeg and others read no
/// such distance of a packet's two times, so these packets wait for the one after them, and are decoded as late as they
/// can be.
struct PacketsAcrossGap {
    /// The longest distance of the two times, in ticks.
    private static let longestReordering: Int64 = 1 << 27

    private var held: [OwnedPacket] = []

    /// - Parameter packet: its data is taken over where it is held.
    /// - Returns: whether the packet is one of these.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    mutating func hold(_ packet: UnsafeMutablePointer<AVPacket>, path: String) throws -> Bool {
        guard packet.pointee.pts - packet.pointee.dts > Self.longestReordering else { return false }
        held.append(try OwnedPacket(moving: packet, to: "write \(path)"))
        return true
    }

    /// The packets that were held, with new decoding times.
    /// - Parameter next: decoding time of the packet after them.
    mutating func release(before next: Int64) -> [OwnedPacket] {
        var next = next
        for packet in held.reversed() {
            next = min(packet.packet.pointee.pts, next - 1)
            packet.packet.pointee.dts = next
        }
        defer { held = [] }
        return held
    }
}
