import Base
import Graph
import Methods
import Pixels
import Probing
import ViT

/// What the report holds of a transformer of any build.
final class GraphProbe: ModelProbe {
    private let subject: ReportGraph
    private let options: ReportOptions
    private let threads: Int
    private let workers: Int
    private let looker: GraphLooker
    private let distances = LatestInstance<[PlacedDistance?]>()
    /// Whether attention is looked at of every picture.
    private let measuresDistance: Bool

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(_ plan: SurveyPlan, _ subject: ReportGraph, threads: Int, workers: Int) throws {
        let measuresDistance = plan.options.contains(.distance)
        (self.subject, options, self.threads, self.workers) = (subject, plan.options, threads, workers)
        self.measuresDistance = measuresDistance
        looker = try GraphLooker(subject.probed, threads: threads) {
            measuresDistance ? $0.attention.map(\.value) : []
        }
    }

    func measure(
        _ image: RGBImage, path: String, isShown: Bool, availableBytes: Int?
    ) throws -> PictureMeasures {
        guard isShown || measuresDistance else {
            return PictureMeasures(surveys: options.surveys.map { _ in nil }, findings: nil)
        }
        let (instance, pass) = try looker.look(at: image)
        return PictureMeasures(
            surveys: options.surveys.map { section, _ in
                section.name == ReportSection.distance.name ? distance(instance, pass) : nil
            },
            findings: isShown ? try findings(image, pass.output, availableBytes) : nil)
    }

    /// Of each layer's heads, in pixels; not a number where no patch asks.
    private func distance(_ instance: GraphInstance, _ pass: GraphPass) -> [[Double]] {
        zip(
            instance.attention, distances.value(for: instance) { instance.attention.map(PlacedDistance.init) }
        )
        .map { matrix, distance in
            distance.map { distance in pass.withValues(matrix.value) { distance.ofHeads($0) } }
                ?? [Double](repeating: .nan, count: matrix.heads)
        }
    }

    private func findings(
        _ image: RGBImage, _ logits: [Float], _ availableBytes: Int?
    ) throws -> PictureFindings {
        let probed = subject.probed
        let ranked = probed.labels?.top(options.settings.classes, of: logits) ?? []
        let picture = ProbedGraphPicture(
            image, of: probed, options.settings, ranked: ranked, threads: threads
        ) { [workers] in (availableBytes ?? Allocation.current.availableBytes() ?? .max) / workers }
        var figures: [String: [SectionFigure]] = [:]
        for section in options.methodSections(of: subject) {
            guard let show = section.figuresOfGraph else { continue }
            figures[section.name] = try show(picture)
        }
        let size = try probed.inputSize(height: image.height, width: image.width)
        return PictureFindings(
            picture: ModelInput.denormalized(
                try probed.preprocessor.normalizedPlanes(of: image), height: size.height, width: size.width,
                probed.preprocessor.normalization),
            logits: subject.classifies ? logits : [], ranked: ranked, figures: figures)
    }
}
