import Methods
import Pixels
import Probing
import ViT

/// The class token's part: how much is left of it where class token and patches run apart in the first l blocks, for
/// every l (`ForwardPass.runDivided`); and what the classifier makes of every patch token.
struct ClassTokenSurvey: Survey {
    func makeMeter(_ context: SurveyContext) throws -> ClassTokenMeter { try ClassTokenMeter(context) }

    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) throws -> ClassTokenCollector {
        ClassTokenCollector(
            try plan.subjects.indices.map { try ClassTokenTally(plan, index: $0, writer) }, writer)
    }
}

/// What a picture tells of one model's class token.
struct ClassTokenMeasure: Sendable {
    /// By number of divided blocks l, 0 to the depth: of the normed class token with the undivided run's.
    var cosines: [Double] = []
    /// Likewise of the last block's class attention, mean over heads; NaN where that block is divided.
    var correlations: [Double] = []
    /// Likewise of the picture's class among the logits; empty where it is not known.
    var ranks: [Int] = []
    /// Nil without a classifier for them.
    var patches: PatchAnswers?
}

/// What the classifier makes of a picture's patches.
struct PatchAnswers: Sendable {
    let rows: Int
    let columns: Int
    /// Of each patch the rank of the class among its logits.
    let ranks: [Int]
    /// Of a picture that is shown.
    let shown: Shown?

    struct Shown: Sendable {
        let picture: RGBImage
        /// Of the class, softmax over all.
        let probability: Plane
        /// What the class is called.
        let name: String
    }
}

final class ClassTokenMeter: SurveyMeter {
    private let subject: ReportSubject
    private let pass: ForwardPass
    private let truth: [String: Int]?
    private let patchClassifier: PatchClassifier?
    private let isPossible: Bool

    init(_ context: SurveyContext) throws {
        subject = context.subject
        pass = context.pass
        truth = context.truth
        isPossible = subject.classTokenObstacle == nil
        let classifier = isPossible ? subject.classification?.classifier : nil
        patchClassifier = try classifier.flatMap { [model = subject.model] in
            try PatchClassifier($0, of: model)
        }
    }

    func require(of request: inout ForwardRequest, isShown: Bool) {
        guard let patchClassifier else { return }
        patchClassifier.require(of: &request)
        // The class that the patches are asked for, where the picture has no label.
        request = subject.probed.classifying(request)
    }

    func measure(_ picture: SurveyedPicture) throws -> ClassTokenMeasure {
        var measure = ClassTokenMeasure()
        guard isPossible else { return measure }
        let c = subject.model.configuration
        let known = truth?[picture.path]
        var request = ForwardRequest(attentionBlocks: [c.depth - 1])
        request.classTokenBlocks = 1
        if known != nil { request = subject.probed.classifying(request) }
        var whole: (token: [Float], map: Plane?)?
        try pass.runDivided(picture.input.patches, request) { _, result in
            let token = Array(result.classTokens.suffix(c.width))
            let map = result.attention[c.depth - 1].map { HeadFusion.mean.fuse($0.planes) }
            let reference = whole ?? (token, map)
            whole = reference
            measure.cosines.append(cosineSimilarity(token, reference.token))
            let pair = map.flatMap { map in reference.map.map { (map, $0) } }
            measure.correlations.append(pair.map { MapStatistics.correlation($0, $1) } ?? .nan)
            if let known, let classifier = subject.classification?.classifier {
                measure.ranks.append(classRank(known, in: classifier.logits(result)))
            }
        }
        measure.patches = answers(picture, known: known)
        return measure
    }

    private func answers(_ picture: SurveyedPicture, known: Int?) -> PatchAnswers? {
        guard let patchClassifier, let classification = subject.classification else { return nil }
        let own = classification.classifier.logits(picture.result)
        guard let target = known ?? classification.labels.top(1, of: own).first?.index else { return nil }
        let (rows, columns) = (picture.input.patches.rows, picture.input.patches.columns)
        let logits = patchClassifier.logits(picture.result)
        let byPatch = (0..<rows * columns).map {
            logits[$0 * patchClassifier.classes..<($0 + 1) * patchClassifier.classes]
        }
        return PatchAnswers(
            rows: rows, columns: columns, ranks: byPatch.map { classRank(target, in: $0) },
            shown: picture.isShown
                ? PatchAnswers.Shown(
                    picture: picture.input.picture,
                    probability: Plane(
                        height: rows, width: columns,
                        values: byPatch.map { Softmax($0)($0[$0.startIndex + target]) }),
                    name: classification.labels.shortName(target)) : nil)
    }
}
