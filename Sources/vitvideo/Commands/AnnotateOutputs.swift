import Archives
import Base
import Glibc
import Methods
import Pipeline
import Rendering
import VideoIO

/// What a run writes.
extension Annotate {
    /// The outputs of a run.
    struct Sinks {
        /// Nil where no video is written, or one in segments.
        var video: VideoSink?
        var segmentedVideo: ResumableJob.Video?
        /// What those segments are joined to.
        var writer: VideoWriter?
        var statistics: StatisticsSink?
        var export: ExportSink?
        var masks: MaskSink?

        var numbers: [any NumberSink] { [statistics as (any NumberSink)?, export, masks].compactMap { $0 } }
        var all: [any FrameSink] { (video.map { [$0] } ?? []) + numbers }

        var temporaryPaths: [String] {
            all.flatMap(\.temporaryPaths) + (writer?.temporaryPaths ?? [])
        }

        /// The outputs of a job in segments.
        var joined: ResumableJob.Outputs { ResumableJob.Outputs(video: writer, numbers: numbers) }
    }

    /// The outputs asked for. Made before any inference, so that a bad output is found at once.
    ///
    /// - Parameters:
    ///   - store: where segments are kept; nil where the outputs are written directly.
    ///   - reuse: what frames take over from one another; nil where each is computed by itself.
    func makeSinks(
        _ input: String, reader: VideoReader, plan: AnnotationPlan, style: HeatStyle, store: SegmentStore?,
        reuse: ReuseFindings?, warnings: WarningList
    ) throws -> Sinks {
        let info = reader.info
        var sinks = Sinks(
            statistics: try makeStatistics(input, plan, overwrite: output.replaces(store)))
        do {
            if let path = output.output {
                let renderer = try plan.renderer(
                    style: style, frameHeight: info.height, frameWidth: info.width)
                let options = output.writerOptions(
                    for: reader, threads: threads.codecThreads, store: store, onWarning: warnings.add)
                let writer = try VideoWriter.create(
                    path, height: renderer.outputHeight, width: renderer.outputWidth, options: options)
                if store == nil {
                    sinks.video = VideoSink(renderer: renderer, writer: writer, audio: reader.audio)
                } else {
                    sinks.segmentedVideo = ResumableJob.Video(
                        renderer: renderer, path: writer.path, options: options)
                    sinks.writer = writer
                }
            }
            if let path = output.export {
                sinks.export = try makeExport(
                    ArchiveFormat.create(path, overwrite: output.replaces(store)), plan, height: info.height,
                    width: info.width, reuse: reuse, warnings: warnings)
            }
            sinks.masks = try makeMasks(
                input, info, plan, overwrite: output.replaces(store), warnings: warnings)
        } catch {
            for sink in sinks.all { sink.abandon() }
            throw error
        }
        return sinks
    }

    /// The export of frames of one size.
    ///
    /// - Throws: as `ExportSink`; the archive is given up then.
    func makeExport(
        _ archive: any ArrayArchive, _ plan: AnnotationPlan, height: Int, width: Int,
        reuse: ReuseFindings? = nil, warnings: WarningList
    ) throws -> ExportSink {
        try ExportSink(
            archive, sources: plan.sources, sourceHeight: height, sourceWidth: width,
            version: Version.current, number: output.dtype ?? .float32, reuse: reuse,
            onOverflow: { warnings.add(ExportArgument.warning(of: $0)) })
    }

    /// - Parameters:
    ///   - facts: how the masks come about.
    ///   - fileName: of the picture that a frame is.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    func makeCOCO(
        _ path: String, _ plan: AnnotationPlan, _ facts: Provenance, overwrite: Bool,
        fileName: @escaping (Int) -> String
    ) throws -> COCOWriter {
        let (source, mass) = plan.masked
        var facts = facts
        facts["description"] = .text("masks of \(source.method.title) by vitvideo")
        facts["threshold"] = .number(mass)
        return try COCOWriter(
            path: path, overwrite: overwrite, info: facts, objectNames: [source.method.title],
            fileName: fileName)
    }

    private func makeStatistics(_ input: String, _ plan: AnnotationPlan, overwrite: Bool) throws
        -> StatisticsSink?
    {
        guard output.wantsStatistics else { return nil }
        var outputs: [any StatisticsOutput] = []
        do {
            if let path = output.stats {
                outputs.append(
                    try StatisticsTable(
                        path: path, overwrite: overwrite, subjects: plan.subjects))
            }
            if let path = output.plot {
                let name = FileName.shown(input.lastPathPart)
                let quantity = method.method.value.title
                let title = quantity.prefix(1).uppercased() + quantity.dropFirst()
                outputs.append(
                    try StatisticsPlot(
                        path: path, overwrite: overwrite,
                        title: "\(title) over time: \(input == "-" ? "standard input" : name)",
                        quantity: quantity, subjects: plan.subjects))
            }
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
        return StatisticsSink(subjects: plan.subjects, outputs: outputs)
    }

    private func makeMasks(
        _ input: String, _ info: VideoInfo, _ plan: AnnotationPlan, overwrite: Bool, warnings: WarningList
    ) throws -> MaskSink? {
        guard output.wantsMasks else { return nil }
        let (source, mass) = plan.masked
        var outputs: [any MaskOutput] = []
        do {
            // Before the pictures, which have their names already when the last output is completed.
            if let path = output.coco {
                let facts = try source.provenance(
                    sourceHeight: info.height, sourceWidth: info.width, version: Version.current)
                outputs.append(
                    try makeCOCO(
                        path, plan, facts, overwrite: overwrite,
                        fileName: try InputFiles.pictureNames(of: input, isStill: info.isStill)))
            }
            if let path = output.masks {
                outputs.append(try MaskWriter(path, overwrite: overwrite, onWarning: warnings.add))
            }
            return try MaskSink(
                source: source, mass: mass, frameHeight: info.height, frameWidth: info.width,
                outputs: outputs)
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
    }
}
