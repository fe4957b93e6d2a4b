import Base
import CFFmpeg
import Pixels

/// One packet of encoded video, by value, so that it can be kept in a file and muxed later.
package struct VideoPacket: Sendable, Equatable {
    /// What FFmpeg attaches to a packet besides its data.
    package struct SideData: Sendable, Equatable {
        /// FFmpeg's number of the type, an `AVPacketSideDataType`.
        package var type: UInt32
        package var bytes: [UInt8]

        package init(type: UInt32, bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
        }
    }

    /// Presentation and decoding time and duration, in ticks of the output's clock.
    package var ptsTicks: Int64
    package var dtsTicks: Int64
    package var durationTicks: Int64
    /// FFmpeg's packet flags: 1 for a key frame.
    package var flags: Int32
    package var sideData: [SideData]
    package var bytes: [UInt8]

    package init(
        ptsTicks: Int64, dtsTicks: Int64, durationTicks: Int64, flags: Int32, sideData: [SideData] = [],
        bytes: [UInt8]
    ) {
        self.ptsTicks = ptsTicks
        self.dtsTicks = dtsTicks
        self.durationTicks = durationTicks
        self.flags = flags
        self.sideData = sideData
        self.bytes = bytes
    }
}

extension VideoPacket {
    /// Copies an encoder's output.
    /// - Parameter clock: seconds per tick of the copy's times.
    init(copying output: VideoEncoder.Output, clock: Rational) {
        func convert(_ ticks: Int64) -> Int64 {
            ticks == noTimestamp ? ticks : rescale(ticks, from: output.timeBase, to: clock)
        }
        let packet = output.packet.pointee
        self.init(
            ptsTicks: convert(packet.pts), dtsTicks: convert(packet.dts),
            durationTicks: rescale(packet.duration, from: output.timeBase, to: clock), flags: packet.flags,
            sideData: (0..<Int(packet.side_data_elems)).map {
                let side = packet.side_data[$0]
                return SideData(
                    type: side.type.rawValue,
                    bytes: [UInt8](UnsafeBufferPointer(start: side.data, count: side.size)))
            }, bytes: [UInt8](UnsafeBufferPointer(start: packet.data, count: Int(packet.size))))
    }

    /// Lends the packet to a closure as FFmpeg's structure, which may be taken over there.
    /// - Throws: `VitvideoError` where memory ran out, and what the closure throws.
    func withPacket(_ body: (UnsafeMutablePointer<AVPacket>) throws -> Void) throws {
        var owned = av_packet_alloc()
        defer { av_packet_free(&owned) }
        guard let packet = owned, av_new_packet(packet, Int32(bytes.count)) >= 0 else {
            throw VitvideoError.outOfMemory("write video")
        }
        bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { packet.pointee.data.update(from: start, count: source.count) }
        }
        packet.pointee.pts = ptsTicks
        packet.pointee.dts = dtsTicks
        packet.pointee.duration = durationTicks
        packet.pointee.flags = flags
        for side in sideData {
            let kind = AVPacketSideDataType(rawValue: side.type)
            guard let place = av_packet_new_side_data(packet, kind, side.bytes.count) else {
                throw VitvideoError.outOfMemory("write video")
            }
            side.bytes.withUnsafeBufferPointer { source in
                if let start = source.baseAddress { place.update(from: start, count: source.count) }
            }
        }
        try body(packet)
    }
}
