import Base
import Foundation
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
        var statistics: StatisticsSink?
        var export: ExportSink?
        var masks: MaskSink?

        var numbers: [any NumberSink] { [statistics as (any NumberSink)?, export, masks].compactMap { $0 } }
        var all: [any FrameSink] { (video.map { [$0] } ?? []) + numbers }

        var temporaryPaths: [String] {
            all.flatMap(\.temporaryPaths) + (segmentedVideo?.temporaryPaths ?? [])
        }
    }

    /// The outputs asked for. Made before any inference, so that a bad output is found at once.
    ///
    /// - Parameter store: where segments are kept; nil where the outputs are written directly.
    func makeSinks(
        reader: VideoReader, plan: AnnotationPlan, style: HeatStyle, store: SegmentStore?,
        warnings: WarningList
    ) throws -> Sinks {
        let info = reader.info
        var sinks = Sinks(statistics: try makeStatistics(plan, overwrite: output.replaces(store)))
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
                        renderer: renderer, writer: writer, options: options)
                }
            }
            if let path = output.export {
                sinks.export = try ExportSink(
                    path: path, overwrite: output.replaces(store), sources: plan.sources,
                    sourceHeight: info.height, sourceWidth: info.width, version: Version.current,
                    number: output.dtype ?? .float32,
                    onOverflow: { warnings.add(ExportArgument.warning(of: $0)) })
            }
            sinks.masks = try makeMasks(info, plan, overwrite: output.replaces(store), warnings: warnings)
        } catch {
            for sink in sinks.all { sink.abandon() }
            throw error
        }
        return sinks
    }

    private func makeStatistics(_ plan: AnnotationPlan, overwrite: Bool) throws -> StatisticsSink? {
        guard output.wantsStatistics else { return nil }
        var outputs: [any StatisticsOutput] = []
        do {
            if let path = output.stats {
                outputs.append(
                    try StatisticsTable(
                        path: path, overwrite: overwrite, subjects: plan.subjects))
            }
            if let path = output.plot {
                let name = FileName.shown(input.input.lastPathPart)
                let quantity = method.method.value.title
                let title = quantity.prefix(1).uppercased() + quantity.dropFirst()
                outputs.append(
                    try StatisticsPlot(
                        path: path, overwrite: overwrite,
                        title: "\(title) over time: \(input.input == "-" ? "standard input" : name)",
                        quantity: quantity, subjects: plan.subjects))
            }
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
        return StatisticsSink(subjects: plan.subjects, outputs: outputs)
    }

    private func makeMasks(
        _ info: VideoInfo, _ plan: AnnotationPlan, overwrite: Bool, warnings: WarningList
    ) throws -> MaskSink? {
        guard output.wantsMasks else { return nil }
        let (source, mass) = plan.masked
        var outputs: [any MaskOutput] = []
        do {
            // Before the pictures, which have their names already when the last output is completed.
            if let path = output.coco {
                var facts = try source.provenance(
                    sourceHeight: info.height, sourceWidth: info.width, version: Version.current)
                facts["description"] = .text("masks of \(source.method.title) by vitvideo")
                facts["threshold"] = .number(mass)
                outputs.append(
                    try COCOWriter(
                        path: path, overwrite: overwrite, info: facts, objectNames: [source.method.title],
                        fileName: try InputFiles.pictureNames(of: input.input, isStill: info.isStill)))
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
