import Methods
import NumPy
import VideoIO

/// Writes the raw, unscaled maps of each frame to a NumPy archive:
///
/// - the maps, float32, as the method's `arrays` describe them: `attention` [frames, heads, rows, columns] and so on
/// - `frame` int64 [frames], indices in the source
/// - `time` float64 [frames], seconds in the source
/// - `logits` float32 [frames, classes], where the model classifies
/// - `class` int64 [frames], the class that each frame's map is for, where there is one
/// - `meta` JSON text
///
/// With several models, those that differ between them carry the model's name:
/// `attention.dino_vitb16`, `meta.dino_vitb16`, `attention.dinov2_vits14`, …
package final class ExportSink: NumberSink {
    private let writer: NPZWriter
    private let path: String
    /// By source, each with what it holds.
    private let maps: [[(writer: NPZArrayWriter, array: MapArray)]]
    /// By source; nil for sources that do not classify.
    private let logits: [NPZArrayWriter?]
    /// By source; nil for those whose maps are for no class.
    private let targetClasses: [NPZArrayWriter?]
    private let frames: NPZArrayWriter
    private let times: NPZArrayWriter

    /// - Precondition: there is a source.
    /// - Throws: `VitvideoError` where the file exists (without `overwrite`) or cannot be created.
    package init(
        path: String, overwrite: Bool, sources: [any MapSource], sourceHeight: Int, sourceWidth: Int,
        version: String
    ) throws {
        precondition(!sources.isEmpty, "an export has maps to hold")
        self.path = path
        let writer = try NPZWriter(path, overwrite: overwrite)
        func suffixed(_ name: String, _ source: any MapSource) -> String {
            // A slash would make a folder in the archive.
            sources.count == 1 ? name : "\(name).\(source.name.replacing("/", with: "_"))"
        }
        maps = try sources.map { source in
            let layout = try source.layout(height: sourceHeight, width: sourceWidth)
            return try source.arrays.map { array in
                (
                    try writer.array(
                        named: suffixed(array.name, source), element: .float32,
                        rowShape: array.shape(on: layout)), array
                )
            }
        }
        logits = try sources.map { source in
            guard source.classes > 0 else { return nil }
            return try writer.array(
                named: suffixed("logits", source), element: .float32, rowShape: [source.classes])
        }
        targetClasses = try sources.map { source in
            guard source.followsClass else { return nil }
            return try writer.array(named: suffixed("class", source), element: .int64, rowShape: [])
        }
        frames = try writer.array(named: "frame", element: .int64, rowShape: [])
        times = try writer.array(named: "time", element: .float64, rowShape: [])
        for source in sources {
            let provenance = try source.provenance(
                sourceHeight: sourceHeight, sourceWidth: sourceWidth, version: version)
            try writer.add(suffixed("meta", source), text: try provenance.json())
        }
        self.writer = writer
    }

    package func consume(_ frame: FrameNumbers) throws {
        for (arrays, maps) in zip(maps, frame.maps) {
            for (writer, array) in arrays { try writer.append(array.values(of: maps)) }
        }
        for (array, maps) in zip(logits, frame.maps) {
            if let array, let prediction = maps.prediction { try array.append(prediction.logits) }
        }
        for (array, maps) in zip(targetClasses, frame.maps) {
            if let array, let target = maps.targetClass { try array.append([Int64(target.index)]) }
        }
        try frames.append([Int64(frame.index)])
        try times.append([frame.timeSeconds])
    }

    package func finish() throws { try writer.finish() }

    package func finishPartial() throws -> [String] {
        let name = OutputFormat.partialName(of: path)
        try writer.finish(as: name)
        return [name]
    }

    package func abandon() { writer.abandon() }

    package var temporaryPaths: [String] { [writer.temporaryPath] }
}
