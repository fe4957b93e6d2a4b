import Methods
import Pixels
import Probing
import Rendering
import ViT

/// What a model makes of pictures without the thing in the box, and of the thing alone (Ghiasi et al. 2022, Table 2).
/// What is taken away is black, before the picture is resized.
struct BackgroundSurvey: Survey {
    func makeMeter(_ context: SurveyContext) -> BackgroundMeter { BackgroundMeter(context) }

    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) throws -> BackgroundCollector {
        BackgroundCollector(
            try plan.subjects.indices.map { try BackgroundTally(plan, index: $0, writer) }, plan.boxes, writer
        )
    }
}

/// A picture in its three forms.
enum PictureForm: Int, CaseIterable {
    case whole, foreground, background

    var name: String {
        switch self {
        case .whole: "whole"
        case .foreground: "foreground"
        case .background: "background"
        }
    }

    /// - Parameter box: where the thing is.
    func picture(of image: RGBImage, _ box: BoxList.Box) -> RGBImage {
        switch self {
        case .whole: image
        case .foreground: image.onlyBox(box)
        case .background: image.withoutBox(box)
        }
    }
}

/// What one model makes of a picture's forms, in the order of `PictureForm`; empty for a picture without a box.
struct BackgroundMeasure: Sendable {
    /// Of the class token with the whole picture's.
    var cosines: [Double] = []
    /// Of the picture's class among the logits; empty where it is not known.
    var ranks: [Int] = []
    /// Of a picture that is shown: each form as the model was given it, and the class attention of the last block, mean
    /// over heads.
    var shown: [(picture: RGBImage, map: Plane)] = []
}

final class BackgroundMeter: SurveyMeter {
    private let subject: ReportSubject
    private let pass: ForwardPass
    private let preprocessor: Preprocessor
    private let boxes: PictureBoxes?
    private let truth: [String: Int]?
    private let isPossible: Bool

    init(_ context: SurveyContext) {
        subject = context.subject
        pass = context.pass
        preprocessor = subject.probed.preprocessor
        boxes = context.plan.boxes
        truth = context.truth
        isPossible = subject.classTokenObstacle == nil
    }

    func require(of request: inout ForwardRequest, isShown: Bool) {
        guard isPossible else { return }
        request.classTokenBlocks = max(request.classTokenBlocks, 1)
        if isShown { request.attentionBlocks.insert(subject.model.configuration.depth - 1) }
        if truth != nil { request = subject.probed.classifying(request) }
    }

    func measure(_ picture: SurveyedPicture) throws -> BackgroundMeasure {
        var measure = BackgroundMeasure()
        guard isPossible, let box = try boxes?.box(of: picture.path, in: picture.image) else {
            return measure
        }
        let c = subject.model.configuration
        var request = ForwardRequest(attentionBlocks: [])
        require(of: &request, isShown: picture.isShown)
        var whole: [Float]?
        for form in PictureForm.allCases {
            var (input, result) = (picture.input, picture.result)
            if form != .whole {
                input = try ModelInput(form.picture(of: picture.image, box), preprocessor)
                result = try pass.run(input.patches, request)
            }
            let token = Array(result.classTokens.suffix(c.width))
            whole = whole ?? token
            measure.cosines.append(cosineSimilarity(token, whole ?? token))
            if let known = truth?[picture.path], let classifier = subject.classification?.classifier {
                measure.ranks.append(classRank(known, in: classifier.logits(result)))
            }
            if picture.isShown, let attention = result.attention[c.depth - 1] {
                measure.shown.append((input.picture, HeadFusion.mean.fuse(attention.planes)))
            }
        }
        return measure
    }
}
