import Base
import CFFmpeg

/// Owns a copy of the packet of a TIFF file, in which the first page's address is replaced by that of each page
/// in turn.
final class TIFFPages {
    private let packet: UnsafeMutablePointer<AVPacket>
    private let isBigEndian: Bool
    private var directories: ArraySlice<TIFFStructure.Directory>
    private var hasStarted = false

    /// - Throws: `VitvideoError` of kind `badData` where a page is one that FFmpeg decodes to something else,
    ///   `unavailable` where memory ran out.
    init(_ source: UnsafeMutablePointer<AVPacket>, _ structure: TIFFStructure) throws {
        let pages = structure.directories.filter { !$0.isAuxiliary }
        // A file of nothing but copies has a first page nevertheless.
        directories = pages.isEmpty ? structure.directories.prefix(1) : pages[...]
        isBigEndian = structure.isBigEndian
        if let refusal = directories.lazy.compactMap(\.refusal).first { throw refusal }
        guard let copy = av_packet_clone(source) else { throw VitvideoError.outOfMemory("decode a picture") }
        packet = copy
        guard av_packet_make_writable(copy) >= 0 else { throw VitvideoError.outOfMemory("decode a picture") }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&owned)
    }

    /// How many pages are still to come.
    var left: Int { directories.count }

    /// The packet, which begins with the next page; nil after the last one. It is good until the next call.
    func next() -> (packet: UnsafeMutablePointer<AVPacket>, directory: TIFFStructure.Directory)? {
        guard let directory = directories.popFirst(), let data = packet.pointee.data else { return nil }
        for byte in 0..<4 {
            data[4 + (isBigEndian ? 3 - byte : byte)] = UInt8(
                truncatingIfNeeded: directory.offset >> (8 * byte))
        }
        if hasStarted, let pts = ticks(packet.pointee.pts) {
            packet.pointee.pts = pts + max(1, packet.pointee.duration)
            packet.pointee.dts = packet.pointee.pts
        }
        hasStarted = true
        return (packet, directory)
    }
}

extension TIFFStructure.Directory {
    /// Why the page is not read: FFmpeg's decoder gives pictures of nothing in it for these, without an error.
    fileprivate var refusal: VitvideoError? {
        let reason: String
        if let compression = self[259], compression == 6 || compression == 7 {
            reason = "it is a TIFF file that is compressed as JPEG"
        } else if self[322] != nil {
            reason = "it is a TIFF file cut into tiles"
        } else {
            return nil
        }
        return VitvideoError(
            .badData, reason: reason + ", which is not read",
            nextStep: .advice("save it as PNG, or as TIFF in strips with LZW"))
    }
}
