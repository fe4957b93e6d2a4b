import Checkpoints
import Foundation
import VideoIO

/// Writes the raw, unscaled attention of each frame to a NumPy archive:
///
/// - `attention` float32 [frames, heads, rows, columns]
/// - `frame` int64 [frames], indices in the source
/// - `time` float64 [frames], seconds in the source
/// - `meta` JSON text
public final class ExportSink: FrameSink {
    private let writer: NPZWriter
    private let path: String
    private let attention: NPZArrayWriter
    private let frames: NPZArrayWriter
    private let times: NPZArrayWriter

    /// - Throws: `CheckpointError` where the file exists (without `overwrite`) or cannot be created.
    public init(
        path: String, overwrite: Bool, settings: AnalysisSettings, sourceHeight: Int, sourceWidth: Int,
        version: String
    ) throws {
        self.path = path
        let layout = try settings.layout(height: sourceHeight, width: sourceWidth)
        writer = try NPZWriter(path, overwrite: overwrite)
        attention = try writer.array(
            named: "attention", element: .float32,
            rowShape: [settings.heads.count, layout.rows, layout.columns])
        frames = try writer.array(named: "frame", element: .int64, rowShape: [])
        times = try writer.array(named: "time", element: .float64, rowShape: [])
        let configuration = settings.model.configuration
        let meta = ExportMetadata(
            model: settings.model.name, weights_sha256: settings.model.weightsHash, layer: settings.block,
            heads: settings.heads, patch: configuration.patchSize,
            input_height: layout.rows * configuration.patchSize,
            input_width: layout.columns * configuration.patchSize, source_height: sourceHeight,
            source_width: sourceWidth, cell_height: layout.cellHeight, cell_width: layout.cellWidth,
            version: version)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try writer.add("meta", text: String(decoding: try encoder.encode(meta), as: UTF8.self))
    }

    public func consume(_ frame: AnnotatedFrame) throws {
        try attention.append(frame.heads.flatMap(\.values))
        try frames.append([Int64(frame.frame.index)])
        try times.append([frame.frame.time.seconds])
    }

    public func finish(trailing: [CompressedPacket]) throws { try writer.finish() }

    public func finishPartial() throws -> String? {
        let name = PartialName.of(path)
        try writer.finish(as: name)
        return name
    }

    public func abandon() { writer.abandon() }

    public var temporaryPaths: [String] { [] }
}

/// How the maps came about; the keys are those of the JSON.
private struct ExportMetadata: Encodable {
    let model: String
    let weights_sha256: String
    let layer: Int
    let heads: [Int]
    let patch: Int
    let input_height: Int
    let input_width: Int
    let source_height: Int
    let source_width: Int
    /// Size of a patch in pixels of the source.
    let cell_height: Double
    let cell_width: Double
    let version: String
}
