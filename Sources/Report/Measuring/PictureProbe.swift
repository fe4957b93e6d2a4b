import Base
import Methods
import Pixels
import Probing
import ViT

/// What the report holds of a plain Vision Transformer; buffers are kept between pictures of one size.
final class PictureProbe: ModelProbe {
    private let subject: ReportSubject
    private let classes: Int
    private let workers: Int
    private let pass: ForwardPass
    private let preprocessor: Preprocessor
    private let meters: [any SurveyMeter]
    /// What the meters look on at.
    private let stages: Set<ForwardStage>
    private let sections: [(section: MethodSection, probe: SectionProbe)]
    /// What methods may take for the picture at hand; nil for what is left to this process.
    private let budget = Mutex<Int?>(nil)

    /// - Parameters: as `ReportModel.makeProbe`.
    /// - Throws: likewise.
    init(_ plan: SurveyPlan, _ subject: ReportSubject, threads: Int, workers: Int) throws {
        let options = plan.options
        self.subject = subject
        self.workers = workers
        classes = options.settings.classes
        preprocessor = subject.probed.preprocessor
        let pass = try ForwardPass(engine: subject.engine, threads: threads)
        self.pass = pass
        let surveyed = SurveyContext(plan: plan, subject: subject, pass: pass)
        meters = try options.surveys.map { try $0.survey.makeMeter(surveyed) }
        stages = meters.reduce(into: []) { $0.formUnion($1.stages) }
        let context = SectionContext(
            probed: subject.probed, settings: options.settings, pass: pass, workers: workers
        ) { [budget] in
            budget.withLock { $0 } ?? Allocation.current.availableBytes() ?? .max
        }
        sections = try options.methodSections(of: subject).map { ($0, try $0.makeProbe(context)) }
    }

    func measure(
        _ image: RGBImage, path: String, isShown: Bool, availableBytes: Int?
    ) throws -> PictureMeasures {
        budget.withLock { $0 = availableBytes }
        let input = try ModelInput(image, preprocessor)
        var request = ForwardRequest(attentionBlocks: [])
        if isShown {
            for (section, probe) in sections {
                try probe.checkMemory(input.patches)
                section.require(&request, subject.probed)
            }
            request = subject.probed.classifying(request)
        }
        // After the methods, most of which need more: the first refusal names a resolution at which all fit.
        var left = availableBytes
        try subject.probed.reserveMemory(
            precision: subject.engine.precision, on: try subject.probed.layout(of: image), workers: workers,
            from: &left)
        for meter in meters {
            meter.require(of: &request, isShown: isShown)
            meter.begin(input.patches)
        }
        let result = try pass.run(input.patches, request, observing: stages) { [meters] stage, _, values in
            for meter in meters where meter.stages.contains(stage) { try meter.observe(stage, values) }
        }
        let picture = SurveyedPicture(
            path: path, image: image, input: input, result: result, isShown: isShown)
        return PictureMeasures(
            surveys: try meters.map { try $0.measure(picture) },
            findings: isShown ? try findings(input, result) : nil)
    }

    private func findings(_ input: ModelInput, _ result: ForwardResult) throws -> PictureFindings {
        var (logits, ranked): ([Float], [ClassLabels.Ranked]) = ([], [])
        if let classification = subject.classification {
            logits = classification.classifier.logits(result)
            ranked = classification.labels.top(classes, of: logits)
        }
        let picture = ProbedPicture(input: input.patches, result: result, ranked: ranked)
        var figures: [String: [SectionFigure]] = [:]
        for (section, probe) in sections { figures[section.name] = try probe.figures(picture) }
        return PictureFindings(picture: input.picture, logits: logits, ranked: ranked, figures: figures)
    }
}
