import Methods
import Probing
import Rendering
import ViT

/// Mean attention distance over all pictures.
struct DistanceSurvey: Survey {
    func makeMeter(_ context: SurveyContext) -> DistanceMeter { DistanceMeter(context.pass) }

    var isOfAnyTransformer: Bool { true }

    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) throws -> DistanceCollector {
        DistanceCollector(try plan.models.map { try DistanceFigure($0, writer: writer) })
    }
}

final class DistanceMeter: SurveyMeter {
    private let distance: MeanAttentionDistance

    init(_ pass: ForwardPass) { distance = MeanAttentionDistance(pass: pass) }

    var stages: Set<ForwardStage> { distance.stages }
    func begin(_ input: PatchMatrix) { distance.begin(rows: input.rows, columns: input.columns) }

    func observe(_ stage: ForwardStage, _ values: UnsafeBufferPointer<Float>) throws {
        try distance.observe(stage, values)
    }

    /// `blocks × heads` in pixels.
    func measure(_ picture: SurveyedPicture) -> [[Double]] { distance.end() }
}

final class DistanceCollector: SurveyCollector {
    private let figures: [DistanceFigure]

    init(_ figures: [DistanceFigure]) { self.figures = figures }

    func add(_ measures: [[[Double]]], of picture: CollectedPicture) throws {
        for (figure, distances) in zip(figures, measures) { try figure.add(distances) }
    }

    func finish(_ end: SurveyEnd) throws -> [PageBlock] {
        let values = figures.flatMap { $0.mean.mean.flatMap { $0 } }.filter(\.isFinite)
        let limits = (low: 0.0, high: AxisTicks.limits(of: values + [0]).high)
        return [
            PageBlock(
                entries: try figures.map {
                    PageEntry(model: $0.subject.name, .figures([try $0.finish(yLimits: limits)]))
                })
        ]
    }
}
