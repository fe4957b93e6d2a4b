import Base
import Files
import FoundationEssentials
import Glibc
import Rendering
import VideoIO

/// How far a segment has come.
enum SegmentStage: String, CaseIterable {
    /// Its frames are encoded, its numbers kept: all that the outputs are made of.
    case finished = "segment"
    /// Its maps are kept and not drawn yet: with a running scale that needs the frames before it.
    case undrawn = "maps"
}

/// What is known of a segment as a whole.
struct SegmentSummary: Codable, Equatable {
    /// How many frames it holds; none where the clip ended with the segment before.
    var frames = 0
    /// Number in the source of its first and last frame; nil without frames.
    var firstIndex: Int?
    var lastIndex: Int?
    /// Whether the selection ends with it.
    var isLast = false
    /// Where the selection lies in the source.
    var span = SelectionSpan()
    /// What its maps were computed with.
    var computation = ""
    /// Of each source, what its frames took over from one another.
    var reuse: [ReuseTally] = []
    /// Presentation times of its packets, in the order of decoding.
    var packetTicks: [Int64] = []
    /// How many packets may come ahead of the order in which they are shown.
    var reorderDepth = 0
    /// What the renderer remembers after its last frame.
    var scaleMemory: [HeatScaler.Memory?] = []
    /// Of an undrawn segment, frame by frame, what the renderer follows instead of drawing.
    var ranges: [FrameRanges] = []

    /// The summary without its lists, whose length grows with the frames.
    var outline: SegmentSummary {
        var outline = self
        (outline.packetTicks, outline.scaleMemory, outline.ranges) = ([], [], [])
        return outline
    }
}

/// The ranges of a frame's maps, as `FrameRenderer` takes them.
struct FrameRanges: Codable, Equatable {
    let timeSeconds: Double
    let values: [Float]
}

/// Which segment of which job a file holds. Its first line.
struct SegmentLabel: Equatable {
    /// Hash of the job's identity.
    var job: String
    var number: Int
    var stage = SegmentStage.finished

    var line: [UInt8] { Array("vitvideo \(stage.rawValue) 3: \(number) of \(job)\n".utf8) }
}

extension AtomicFile {
    /// A file in the directory of a job. The store removes what earlier runs have left there when it opens it.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`, also where the file cannot be made: the job has begun by then.
    convenience init(ofJob path: String, overwrite: Bool = true) throws {
        do {
            try self.init(path, overwrite: overwrite, cleansUp: false)
        } catch let error as VitvideoError {
            throw VitvideoError(.inputOutput, cannot: "write", path: path, reason: error.reason)
        }
    }
}

/// Writes a segment to a file:
///
///     line             the label
///     records          each its length, 4 bytes, and its bytes
///     4 bytes          0
///     summary          JSON
///     4 bytes          its length
///     64 digits        SHA-256 of all before
///
/// The file has its name once it is complete and on the disk.
final class SegmentFileWriter {
    private let file: AtomicFile
    private let name: String
    private let hash: SHA256Stream

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    init(_ name: String, label: SegmentLabel) throws {
        self.name = name
        file = try AtomicFile(ofJob: name)
        hash = try SHA256Stream()
        try write(label.line)
    }

    func append(_ record: SegmentRecord) throws {
        let bytes = record.bytes
        guard let length = UInt32(exactly: bytes.count) else {
            throw VitvideoError(
                .inputOutput, cannot: "write", path: name, reason: "a frame has \(bytes.count) bytes")
        }
        try write(length)
        try write(bytes)
    }

    /// Called once.
    func finish(_ summary: SegmentSummary) throws {
        let text = Array(try JSONEncoder().encode(summary))
        try write(UInt32(0))
        try write(text)
        try write(UInt32(text.count))
        try file.write(try hash.finish())
        try file.commit()
    }

    private func write(_ number: UInt32) throws {
        try withUnsafeBytes(of: number) { try write([UInt8]($0)) }
    }

    private func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes {
            try hash.update($0)
            try file.write($0)
        }
    }
}

/// Reads a segment from a file, record by record, and checks it meanwhile.
final class SegmentFileReader {
    /// The file is not the segment it should be.
    struct Damage: Error, Equatable { let reason: String }

    let summary: SegmentSummary
    private let file: ReadableFile
    /// Where the next record begins.
    private var position: Int
    private let hash: SHA256Stream
    /// Bytes of records that are left.
    private var rest: Int
    private let tail: [UInt8]
    private let digest: [UInt8]

    private static let digestLength = 64

    /// - Throws: `Damage`; `VitvideoError` of kind `inputOutput` where the file cannot be read, as all of these.
    init(_ path: String, label: SegmentLabel) throws {
        guard let file = ReadableFile(path) else {
            throw VitvideoError.system(.inputOutput, cannot: "read", path: path, wording: .text)
        }
        self.file = file
        hash = try SHA256Stream()
        let size = file.byteCount ?? 0
        let line = label.line
        let fixed = line.count + 8 + Self.digestLength
        guard size >= fixed else { throw Damage(reason: "it is cut short") }
        let length = Int(
            try Self.number(try Self.read(4, of: file, at: size - Self.digestLength - 4)))
        digest = try Self.read(Self.digestLength, of: file, at: size - Self.digestLength)
        guard length <= size - fixed else { throw Damage(reason: "it is cut short") }
        // The zero before the summary, the summary and its length.
        tail = try Self.read(length + 8, of: file, at: size - Self.digestLength - 8 - length)
        do {
            summary = try JSONDecoder().decode(
                SegmentSummary.self, from: Data(tail.dropFirst(4).prefix(length)))
        } catch {
            throw Damage(reason: "it is cut short")
        }
        let found = try Self.read(line.count, of: file, at: 0)
        guard found == line else { throw Damage(reason: "it is of another job") }
        rest = size - Self.digestLength - tail.count - line.count
        position = line.count
        try Self.update(hash, found)
    }

    /// The next record; nil after the last one, once the whole file has been found to be as it was written.
    ///
    /// - Throws: as the initializer.
    func next() throws -> SegmentRecord? {
        if rest == 0 {
            try Self.update(hash, tail)
            guard Array(try hash.finish().utf8) == digest else {
                throw Damage(reason: "its checksum is wrong")
            }
            rest = -1
        }
        guard rest > 0 else { return nil }
        let header = try read(min(4, rest))
        let length = Int(try Self.number(header))
        guard length > 0, length <= rest else { throw Damage(reason: "its checksum is wrong") }
        let bytes = try read(length)
        try Self.update(hash, header)
        try Self.update(hash, bytes)
        do { return try SegmentRecord(bytes) } catch { throw Damage(reason: "its checksum is wrong") }
    }

    private static func update(_ hash: SHA256Stream, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try hash.update($0) }
    }

    /// The next bytes of the records.
    private func read(_ count: Int) throws -> [UInt8] {
        let bytes = try Self.read(count, of: file, at: position)
        position += count
        rest -= count
        return bytes
    }

    private static func read(_ count: Int, of file: ReadableFile, at offset: Int) throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try file.read(count, at: offset)
        } catch {
            throw VitvideoError(.inputOutput, cannot: "read a segment", reason: systemText(error.code))
        }
        guard bytes.count == count else { throw Damage(reason: "it is cut short") }
        return bytes
    }

    private static func number(_ bytes: [UInt8]) throws -> UInt32 {
        var reader = ByteReader(bytes)
        do { return try reader.read() } catch { throw Damage(reason: "it is cut short") }
    }
}
