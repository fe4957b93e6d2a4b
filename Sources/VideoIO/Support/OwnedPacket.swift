import Base
import CFFmpeg

/// A packet that is freed with its owner.
final class OwnedPacket {
    let packet: UnsafeMutablePointer<AVPacket>

    /// Takes over what `source` holds and leaves it blank.
    /// - Parameter task: what an error for lack of memory says cannot be done.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    init(moving source: UnsafeMutablePointer<AVPacket>, to task: String) throws {
        guard let packet = av_packet_alloc() else { throw VitvideoError.outOfMemory(task) }
        av_packet_move_ref(packet, source)
        self.packet = packet
    }

    /// Hands what it holds over to `target` and is blank then.
    func move(to target: UnsafeMutablePointer<AVPacket>) {
        withExtendedLifetime(self) { av_packet_move_ref(target, packet) }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&owned)
    }
}
