import CFFmpeg

/// Packets in, frames out, later and in the order they are shown.
protocol FrameDecoder: AnyObject {
    var codecName: String { get }
    /// Packets the decoder refused.
    var damagedPackets: Int { get }
    /// Packets that cannot be decoded without a key. They count as refused, too.
    var encryptedPackets: Int { get }
    /// What the decoder last said of a still that it refused.
    var complaint: String? { get }
    /// How many pictures a still holds, once its packet is sent: several where a TIFF file has pages.
    var pictureCount: Int { get }

    /// Sends a packet, or `nil` for the end. Before each, call `receive` until it needs input.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func send(_ packet: UnsafeMutablePointer<AVPacket>?) throws

    /// Fills `handle` with the next frame where there is one. Damage is counted and skipped: a decoder goes
    /// on after it.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    func receive(into handle: FrameHandle) throws -> DecoderOutput
}

/// What a decoder answers when it is asked for a frame.
enum DecoderOutput {
    case frame
    /// The decoder wants another packet first.
    case needsInput
    case end
}
