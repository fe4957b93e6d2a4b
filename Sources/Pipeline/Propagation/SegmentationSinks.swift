import NumPy
import Pixels
import Probing
import Rendering
import VideoIO

/// Paints the objects over each frame and encodes it, with the sound that belongs to it.
package final class ObjectVideoSink: SegmentationSink {
    private let painter: ObjectPainter
    private let frames: FrameWriter

    /// - Parameter audio: of the reader that the frames come from.
    package init(painter: ObjectPainter, writer: VideoWriter, audio: AudioPacketQueue) {
        self.painter = painter
        frames = FrameWriter(writer, audio: audio)
    }

    package func consume(_ frame: SegmentedFrame) throws {
        try frames.write(painter.paint(frame.mask, on: frame.frame.image), of: frame.frame)
    }

    package func finish() throws { try frames.finish() }
    package func finishPartial() throws -> [String] { try frames.finishPartial() }
    package func abandon() { frames.abandon() }
    package var temporaryPaths: [String] { frames.temporaryPaths }
}

/// Writes each frame's mask: an indexed PNG file, an entry of COCO's JSON.
package final class ObjectMaskSink: SegmentationSink {
    private let output: any MaskOutput

    package init(_ output: any MaskOutput) { self.output = output }

    package func consume(_ frame: SegmentedFrame) throws {
        try output.add(
            frame.mask, frame: frame.frame.index, timeSeconds: frame.frame.time.seconds)
    }

    package func finish() throws { try output.finish() }
    package func finishPartial() throws -> [String] { try output.finishPartial().map { [$0] } ?? [] }
    package func abandon() { output.abandon() }
    package var temporaryPaths: [String] { output.temporaryPaths }
}

/// Writes what masks are made of into a NumPy archive: `features` [frames, rows, cols, D], each patch's of length 1,
/// `segmentation` [frames, rows, cols, classes], `frame`, `time` in seconds, and `meta`.
package final class PropagationExport: SegmentationSink {
    private let writer: NPZWriter
    private let path: String
    private let features: NPZArrayWriter
    private let segmentation: NPZArrayWriter
    private let frames: NPZArrayWriter
    private let times: NPZArrayWriter

    /// - Parameters:
    ///   - width: values of a patch's feature.
    ///   - classes: the background included.
    ///   - meta: JSON.
    /// - Throws: `VitvideoError` where the file exists (without `overwrite`) or cannot be created.
    package init(
        path: String, overwrite: Bool, rows: Int, columns: Int, width: Int, classes: Int, meta: String
    ) throws {
        self.path = path
        writer = try NPZWriter(path, overwrite: overwrite)
        features = try writer.array(
            named: "features", element: .float32, rowShape: [rows, columns, width])
        segmentation = try writer.array(
            named: "segmentation", element: .float32, rowShape: [rows, columns, classes])
        frames = try writer.array(named: "frame", element: .int64, rowShape: [])
        times = try writer.array(named: "time", element: .float64, rowShape: [])
        try writer.add("meta", text: meta)
    }

    package func consume(_ frame: SegmentedFrame) throws {
        try features.append(frame.features.values)
        try segmentation.append(frame.soft.values)
        try frames.append([Int64(frame.frame.index)])
        try times.append([frame.frame.time.seconds])
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
