import Pixels
import Probing
import ViT

/// A section about all pictures together: something is measured of every picture with every model, gathered in the
/// pictures' order in the memory of one picture, and drawn at the end with all models side by side.
///
/// Workers measure pictures in parallel, each with meters of its own; one collector a report gathers the measures.
protocol Survey: Sendable {
    associatedtype Meter: SurveyMeter
    associatedtype Collector: SurveyCollector where Collector.Measure == Meter.Measure

    /// Whether it is also about transformers of any build, which `GraphProbe` measures.
    var isOfAnyTransformer: Bool { get }

    /// Makes one worker's part for one model.
    ///
    /// - Throws: `VitvideoError` where the model cannot be computed with.
    func makeMeter(_ context: SurveyContext) throws -> Meter

    /// - Throws: `VitvideoError` where a file of the report cannot be begun.
    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) throws -> Collector
}

extension Survey {
    var isOfAnyTransformer: Bool { false }
}

/// One worker's part of a survey, for one model. One thread at a time uses it.
///
/// All surveys and all sections share a picture's one forward pass: a meter says what it needs of it, and may look on.
protocol SurveyMeter: AnyObject {
    /// What is kept of a picture until the collector has it.
    associatedtype Measure: Sendable

    /// Adds what is needed of the forward pass.
    func require(of request: inout ForwardRequest, isShown: Bool)
    /// What the meter looks on at.
    var stages: Set<ForwardStage> { get }
    /// Begins a picture.
    func begin(_ input: PatchMatrix)
    /// Called for `stages`.
    func observe(_ stage: ForwardStage, _ values: UnsafeBufferPointer<Float>) throws
    /// Ends the picture.
    func measure(_ picture: SurveyedPicture) throws -> Measure
}

extension SurveyMeter {
    func require(of request: inout ForwardRequest, isShown: Bool) {}
    var stages: Set<ForwardStage> { [] }
    func begin(_ input: PatchMatrix) {}
    func observe(_ stage: ForwardStage, _ values: UnsafeBufferPointer<Float>) throws {}
}

/// Gathers the measures of all pictures and models. One thread uses it.
protocol SurveyCollector: AnyObject {
    associatedtype Measure: Sendable

    /// - Parameter measures: of one picture, in the order of the models.
    func add(_ measures: [Measure], of picture: CollectedPicture) throws

    /// Draws what was gathered. Called once, also where no picture came.
    func finish(_ end: SurveyEnd) throws -> [PageBlock]
}

extension SurveyCollector {
    /// - Precondition: the measures are those of meters of the same survey.
    func addMeasures(_ measures: [any Sendable], of picture: CollectedPicture) throws {
        try add(
            measures.map {
                guard let measure = $0 as? Measure else { preconditionFailure("another survey's measure") }
                return measure
            }, of: picture)
    }
}

/// What all surveys of a report are about.
package struct SurveyPlan: Sendable {
    /// All models of the report.
    let models: [any ReportModel]
    /// The plain Vision Transformers among them, which most surveys are about.
    let subjects: [ReportSubject]
    let options: ReportOptions
    /// Nil where none are given.
    let boxes: PictureBoxes?
    /// Of each subject what the labelled pictures show, as classes of the model by path; nil where that is not known.
    let truths: [[String: Int]?]

    /// - Throws: `VitvideoError` of kind `badData` for a label that no class has.
    init(models: [any ReportModel], options: ReportOptions, boxes: PictureBoxes?) throws {
        let subjects = models.compactMap { $0 as? ReportSubject }
        self.models = models
        self.subjects = subjects
        self.options = options
        self.boxes = boxes
        truths = try subjects.map { try boxes?.classes(of: $0) }
    }
}

/// What a worker's part of a survey works with.
struct SurveyContext {
    let plan: SurveyPlan
    let subject: ReportSubject
    /// What the labelled pictures show, as classes of the model by path; nil where that is not known.
    let truth: [String: Int]?
    /// The worker's own; its buffers are shared by all sections.
    let pass: ForwardPass

    init(plan: SurveyPlan, subject: ReportSubject, pass: ForwardPass) {
        (self.plan, self.subject, self.pass) = (plan, subject, pass)
        truth = plan.subjects.firstIndex { $0.name == subject.name }.flatMap { plan.truths[$0] }
    }
}

/// A picture as a meter is given it.
struct SurveyedPicture {
    let path: String
    let image: RGBImage
    let input: ModelInput
    /// Of the pass that all share.
    let result: ForwardResult
    /// Whether it is one of those shown one by one.
    let isShown: Bool
}

/// A picture as a collector is given it.
struct CollectedPicture {
    let path: String
    /// Its place among those shown one by one, from 1; nil for others.
    let shownNumber: Int?
}

/// What a collector has for drawing.
struct SurveyEnd {
    /// Of the pictures that were measured, in their order.
    let paths: [String]
    /// Whether the report was stopped before its last picture, or is now.
    let isStopped: () -> Bool
    /// Reads a picture once more.
    let read: (_ path: String) throws -> RGBImage
    /// Threads that may share a picture.
    let threads: Int
}
