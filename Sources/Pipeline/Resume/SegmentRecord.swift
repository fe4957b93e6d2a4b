import Methods
import Pixels
import VideoIO

/// What a segment holds, one after the other.
enum SegmentRecord {
    /// Packets in the order of decoding.
    case packet(VideoPacket)
    /// Frames in the order in which they are shown.
    case numbers(FrameNumbers)

    var bytes: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .packet(let packet):
            writer.write(UInt8(0))
            for ticks in [packet.ptsTicks, packet.dtsTicks, packet.durationTicks] { writer.write(ticks) }
            writer.write(packet.flags)
            writer.write(packet.sideData) { writer, side in
                writer.write(side.type)
                writer.write(side.bytes)
            }
            writer.write(packet.bytes)
        case .numbers(let numbers):
            writer.write(UInt8(1))
            writer.write(numbers.index)
            writer.write(numbers.timeSeconds)
            writer.write(numbers.maps) { $0.write($1) }
            writer.write(numbers.recordedMaps) { $0.write($1) }
        }
        return writer.bytes
    }

    /// - Throws: `ByteReader.Malformed`.
    init(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        switch try reader.read(UInt8.self) {
        case 0:
            self = .packet(
                VideoPacket(
                    ptsTicks: try reader.read(), dtsTicks: try reader.read(),
                    durationTicks: try reader.read(), flags: try reader.read(),
                    sideData: try reader.readElements {
                        VideoPacket.SideData(type: try $0.read(), bytes: try $0.readArray())
                    }, bytes: try reader.readArray()))
        case 1:
            self = .numbers(
                FrameNumbers(
                    index: try reader.read(), timeSeconds: try reader.read(),
                    maps: try reader.readElements { try $0.readMaps() },
                    recordedMaps: try reader.readElements { try $0.readPlane() }))
        default: throw ByteReader.Malformed()
        }
        guard reader.isAtEnd else { throw ByteReader.Malformed() }
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ plane: Plane) {
        write(plane.height)
        write(plane.width)
        write(plane.values)
    }

    /// Without the lines that are shown on the picture, which has been drawn.
    fileprivate mutating func write(_ maps: FrameMaps) {
        write(maps.parts) { $0.write($1) }
        write(maps.fused)
        write(maps.vectors.patches)
        write(maps.vectors.classToken)
        write(maps.prediction.map { [$0] } ?? []) { writer, prediction in
            writer.write(prediction.logits)
            writer.write(prediction.topLabel)
        }
        write(maps.targetClass.map { [$0] } ?? []) { writer, target in
            writer.write(target.index)
            writer.write(target.name)
        }
    }
}

extension ByteReader {
    fileprivate mutating func readPlane() throws -> Plane {
        let (height, width) = (try read(Int.self), try read(Int.self))
        let values = try readArray(of: Float.self)
        let (count, overflow) = height.multipliedReportingOverflow(by: width)
        guard height >= 0, width >= 0, !overflow, count == values.count else { throw Malformed() }
        return Plane(height: height, width: width, values: values)
    }

    fileprivate mutating func readMaps() throws -> FrameMaps {
        FrameMaps(
            parts: try readElements { try $0.readPlane() }, fused: try readPlane(),
            vectors: FrameVectors(patches: try readArray(), classToken: try readArray()),
            prediction: try readElements {
                FramePrediction(logits: try $0.readArray(), topLabel: try $0.readText())
            }.first,
            targetClass: try readElements { TargetClass(index: try $0.read(), name: try $0.readText()) }.first
        )
    }
}
