import Archives
import Base
import Methods
import Pipeline
import Rendering
import VideoIO

/// What a run on pictures writes.
struct PictureOutputs {
    let statistics: StatisticsSink?
    private let command: Annotate
    private let names: [PictureName]
    private let plan: AnnotationPlan
    private let style: HeatStyle
    private let warnings: WarningList
    /// Of all pictures; nil where each has its own, or none is wanted.
    private let archive: SharedArchive?
    private let coco: SharedMasks?

    init(
        _ command: Annotate, names: [PictureName], plan: AnnotationPlan, style: HeatStyle,
        warnings: WarningList
    ) throws {
        self.command = command
        self.names = names
        self.plan = plan
        self.style = style
        self.warnings = warnings
        let output = command.output
        let table = try output.stats.map {
            try StatisticsTable(
                path: $0, overwrite: output.overwrite, subjects: plan.subjects, pictures: names.map(\.file))
        }
        statistics = table.map { StatisticsSink(subjects: plan.subjects, outputs: [$0], isOfClip: false) }
        do {
            archive = try output.export.flatMap {
                $0.contains(PictureName.placeholder)
                    ? nil : SharedArchive(try ArchiveFormat.create($0, overwrite: output.overwrite))
            }
            coco = try output.coco.map {
                SharedMasks(
                    try command.makeCOCO(
                        $0, plan, plan.masked.source.provenance(version: Version.current),
                        overwrite: output.overwrite, fileName: { names[$0].file }))
            }
        } catch {
            statistics?.abandon()
            throw error
        }
    }

    /// Outputs that all pictures have in common.
    var shared: [any FrameOutput] {
        [statistics as (any FrameOutput)?, archive, coco].compactMap { $0 }
    }

    /// The outputs of one picture.
    func own(of picture: VideoFrame) throws -> [any FrameSink] {
        let (name, image, output) = (names[picture.index], picture.image, command.output)
        var sinks: [any FrameSink] = []
        do {
            if let pattern = output.output {
                let renderer = try plan.renderer(
                    style: style, frameHeight: image.height, frameWidth: image.width)
                let writer = try VideoWriter.create(
                    name.path(pattern), height: renderer.outputHeight, width: renderer.outputWidth,
                    options: WriterOptions(overwrite: output.overwrite, onWarning: warnings.add))
                sinks.append(VideoSink(renderer: renderer, writer: writer, audio: AudioPacketQueue()))
            }
            if let pattern = output.export {
                let archive: any ArrayArchive =
                    if let archive { archive.group(name.file) } else {
                        try ArchiveFormat.create(name.path(pattern), overwrite: output.overwrite)
                    }
                sinks.append(
                    try command.makeExport(
                        archive, plan, height: image.height, width: image.width, warnings: warnings))
            }
            if output.wantsMasks {
                let (source, mass) = plan.masked
                let writer = try output.masks.map {
                    try MaskWriter(name.path($0), overwrite: output.overwrite, onWarning: warnings.add)
                }
                sinks.append(
                    try MaskSink(
                        source: source, mass: mass, frameHeight: image.height, frameWidth: image.width,
                        outputs: [coco?.ofOnePicture, writer].compactMap { $0 }))
            }
            return sinks
        } catch {
            for sink in sinks { sink.abandon() }
            throw error
        }
    }
}
