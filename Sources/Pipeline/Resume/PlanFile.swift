import Files
import FoundationEssentials
import VideoIO

/// The file of a job's directory that tells which frames there are, so that a share begins where it has to without having
/// looked at what comes before:
///
///     line             the job
///     numbers          as `ByteWriter` writes them
///     64 digits        SHA-256 of all before
struct PlanFile {
    /// Hash of the job's identity.
    let job: String
    let outline: SelectionOutline

    private static let title = "vitvideo plan 1 of "

    /// - Returns: nil where there is no whole plan under that name.
    static func read(_ path: String) -> PlanFile? {
        guard let bytes = FileSystem.contents(of: path), bytes.count > 64,
            let digest = try? ContentHash.sha256(of: Data(bytes.dropLast(64))),
            Array(digest.utf8) == Array(bytes.suffix(64)), let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        var reader = ByteReader(Array(bytes[(end + 1)..<(bytes.count - 64)]))
        guard line.hasPrefix(title), let outline = try? SelectionOutline(&reader), reader.isAtEnd else {
            return nil
        }
        return PlanFile(job: String(line.dropFirst(title.count)), outline: outline)
    }

    var bytes: [UInt8] {
        get throws {
            var writer = ByteWriter()
            outline.write(to: &writer)
            let content = Array("\(Self.title)\(job)\n".utf8) + writer.bytes
            return content + Array(try ContentHash.sha256(of: Data(content)).utf8)
        }
    }
}

extension SelectionOutline {
    fileprivate func write(to writer: inout ByteWriter) {
        for number in [frames, firstIndex, step] { writer.write(number) }
        writer.write(startTicks.map { [$0] } ?? [])
        writer.write(index.map { [$0] } ?? []) { writer, index in
            writer.write(index.pts)
            writer.write(index.entryPoints.map(\.pts))
            // A time of decoding that is not known is written as the lowest number, which no packet has.
            writer.write(index.entryPoints.map { $0.dts ?? .min })
            writer.write(index.entryPoints.map(\.byteCount))
        }
    }

    /// - Throws: `ByteReader.Malformed`.
    fileprivate init(_ reader: inout ByteReader) throws {
        self.init(
            frames: try reader.read(), firstIndex: try reader.read(), step: try reader.read(),
            startTicks: try reader.readArray(of: Int64.self).first,
            index: try reader.readElements { reader in
                let pts: [Int64] = try reader.readArray()
                let entries: [Int64] = try reader.readArray()
                let decoding: [Int64] = try reader.readArray()
                let sizes: [Int32] = try reader.readArray()
                guard entries.count == decoding.count, entries.count == sizes.count else {
                    throw ByteReader.Malformed()
                }
                return FrameIndex(
                    pts: pts,
                    entryPoints: entries.indices.map { place in
                        FrameIndex.EntryPoint(
                            pts: entries[place], dts: decoding[place] == .min ? nil : decoding[place],
                            byteCount: sizes[place])
                    })
            }.first)
    }
}
