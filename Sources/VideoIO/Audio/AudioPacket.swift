import Base
import CFFmpeg
import Pixels

/// One packet of compressed audio on its way from an input to an output; it is not decoded.
///
/// Safe to hand to another thread: the packet's data is reference-counted and never written, and its
/// timestamps change only inside the module, before the packet is delivered.
package final class AudioPacket: @unchecked Sendable {
    private let owned: OwnedPacket
    /// Position of the packet's stream in `VideoInfo.audioStreams`.
    package let audioStreamIndex: Int
    /// Seconds per tick.
    package let timeBase: Rational

    /// Takes over what `source` holds and leaves it blank.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    init(moving source: UnsafeMutablePointer<AVPacket>, audioStreamIndex: Int, timeBase: Rational) throws {
        owned = try OwnedPacket(moving: source, to: "read audio")
        self.audioStreamIndex = audioStreamIndex
        self.timeBase = timeBase
    }

    var packet: UnsafeMutablePointer<AVPacket> { owned.packet }

    /// Presentation time in units of `timeBase`; `nil` where the container has none.
    package var ptsTicks: Int64? { ticks(packet.pointee.pts) }

    /// A copy of the compressed data.
    package var bytes: [UInt8] {
        guard let data = packet.pointee.data else { return [] }
        return [UInt8](UnsafeBufferPointer(start: data, count: Int(packet.pointee.size)))
    }

    /// Moves the packet in time.
    func shift(byTicks offset: Int64) {
        if packet.pointee.pts != noTimestamp { packet.pointee.pts += offset }
        if packet.pointee.dts != noTimestamp { packet.pointee.dts += offset }
    }
}
