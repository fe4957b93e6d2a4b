import Glibc
import Methods
import Probing
import Rendering
import ViT

/// How uniform each block's neurons are over a picture (`SpatialVariance`), from their moments alone.
struct GlobalizationSurvey: Survey {
    func makeMeter(_ context: SurveyContext) -> NeuronMeter { NeuronMeter(context) }

    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) -> GlobalizationCollector {
        GlobalizationCollector(plan, writer)
    }
}

/// The moments of all neurons on a picture.
struct PictureMoments: Sendable {
    let patches: Int
    /// By block.
    let moments: [NeuronMoments]
}

/// Takes all blocks' moments out of the pass that all share.
final class NeuronMeter: SurveyMeter {
    private let depth: Int

    init(_ context: SurveyContext) { depth = context.subject.model.configuration.depth }

    func require(of request: inout ForwardRequest, isShown: Bool) {
        request.neuronMomentBlocks.formUnion(0..<depth)
    }

    func measure(_ picture: SurveyedPicture) -> PictureMoments {
        PictureMoments(
            patches: picture.input.patches.rows * picture.input.patches.columns,
            moments: (0..<depth).compactMap { picture.result.neuronMoments[$0] })
    }
}

/// The archive holds `within_share` float32 [blocks, neurons].
final class GlobalizationCollector: SurveyCollector {
    private let subjects: [ReportSubject]
    private let writer: FigureWriter
    private var variances: [SpatialVariance]

    init(_ plan: SurveyPlan, _ writer: FigureWriter) {
        subjects = plan.subjects
        self.writer = writer
        variances = subjects.map { _ in SpatialVariance() }
    }

    func add(_ measures: [PictureMoments], of picture: CollectedPicture) {
        for (index, measure) in measures.enumerated() {
            variances[index].add(measure.moments, patches: measure.patches)
        }
    }

    func finish(_ end: SurveyEnd) throws -> [PageBlock] {
        guard let count = variances.first?.pictures, count > 1 else {
            return [
                PageBlock(
                    entries: [
                        PageEntry(
                            .note(
                                "At least two pictures are needed: with one, all variance lies within it."))
                    ])
            ]
        }
        let layers = variances.map { $0.shares.map(LayerShares.init) }
        let title = "Neurons over the picture, \(count) pictures"
        let figure = try writer.write(
            ReportSection.globalization.name, Self.chart(layers, of: subjects, title: title),
            text: "\(title): the share of neurons' variance that lies within pictures, by layer", arrays: nil)
        let models = try subjects.indices.map { index in
            let (subject, shares) = (subjects[index], variances[index].shares)
            let archive = try writer.write(
                "\(ReportSection.globalization.name)-\(subject.fileName)",
                [
                    FigureArray(
                        "within_share", [shares.count, shares.first?.count ?? 0],
                        shares.flatMap { $0 }.map { Float($0) })
                ],
                subject.provenance(version: writer.version))
            return PageEntry(
                model: subject.name, .text(Self.finding(layers[index], of: subject.name), arrays: archive))
        }
        return [PageBlock(entries: [PageEntry(.figures([figure]))]), PageBlock(entries: models)]
    }

    /// What is said of a block's neurons together.
    struct LayerShares {
        let mean: Double
        let lowerQuartile: Double
        let upperQuartile: Double

        init(_ shares: [Double]) {
            let known = shares.filter(\.isFinite)
            mean = known.isEmpty ? .nan : known.reduce(0, +) / Double(known.count)
            (lowerQuartile, upperQuartile) = (quantile(0.25, of: known), quantile(0.75, of: known))
        }
    }

    /// A line a model through the layers' means, with faint ones at the quartiles.
    static func chart(_ layers: [[LayerShares]], of subjects: [ReportSubject], title: String) -> ChartFigure {
        var series: [ChartSeries] = []
        for (index, layers) in layers.enumerated() {
            func line(_ name: String?, alpha: Double, width: Double, _ value: (LayerShares) -> Double)
                -> ChartSeries
            {
                var color = ChartSeries.color(index)
                color.alpha = alpha
                return ChartSeries(
                    name: name, color: color, lineWidth: width,
                    points: layers.enumerated().map { (x: Double($0), y: 100 * value($1)) })
            }
            series.append(line(subjects[index].name, alpha: 1, width: 2.4, \.mean))
            series.append(
                line(subjects.count == 1 ? "quartiles" : nil, alpha: 0.45, width: 1.2, \.lowerQuartile))
            series.append(line(nil, alpha: 0.45, width: 1.2, \.upperQuartile))
        }
        return ChartFigure(
            title: title, xLabel: "layer",
            charts: [
                Chart(
                    title: "Variance of neurons within pictures", yLabel: "per cent of the variance",
                    series: series, yLimits: (0, 102))
            ], width: HeatTiles.maximumWidth, chartHeight: 400,
            xTickCount: min((layers.map(\.count).max() ?? 1) + 2, 32))
    }

    private static func finding(_ layers: [LayerShares], of name: String) -> String {
        guard let first = layers.first, let last = layers.last else { return "" }
        let means = layers.map(\.mean)
        let order = means.indices.filter { means[$0].isFinite }.sorted { means[$0] < means[$1] }
        guard let least = order.first, let most = order.last else { return "\(name): no neuron changes." }
        let place =
            least == layers.count - 1
            ? "so its last layer is the most uniform one, as in the paper"
                + (last.mean > 0.5
                    ? ", though most of what its neurons do still differs from place to place." : ".")
            : "so its most uniform layer is layer \(least) (\(percent(means[least]))), not the last one."
        return "\(name): \(percent(first.mean)) of the variance lies within pictures in layer 0, "
            + "\(percent(means[most])) in layer \(most), where it is most, and \(percent(last.mean)) in the last "
            + "(half of its neurons between \(percent(last.lowerQuartile)) and \(percent(last.upperQuartile))), "
            + place
    }
}
