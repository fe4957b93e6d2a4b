import Pixels
import Probing
import ViT

/// A model as a job looks at it: what it is called, at what size it sees the frames, how it classifies them.
public struct ProbedModel: Sendable {
    public let model: Model
    /// Identifies the model among those of a job.
    public let name: String
    public let resolution: Resolution
    /// Nil where frames are not classified.
    public let classification: Classification?

    /// - Parameter name: the model's own name where nil.
    public init(
        _ model: Model, name: String? = nil, resolution: Resolution, classification: Classification? = nil
    ) {
        self.model = model
        self.name = name ?? model.name
        self.resolution = resolution
        self.classification = classification
    }

    var configuration: Configuration { model.configuration }

    var preprocessor: Preprocessor {
        Preprocessor(configuration: model.configuration, resolution: resolution)
    }

    /// Where the model's patches lie on frames of this size.
    ///
    /// - Throws: `ModelError.inputTooSmall`.
    func layout(of image: RGBImage) throws -> InputLayout {
        try preprocessor.layout(height: image.height, width: image.width)
    }

    /// - Parameter chosen: nil for all.
    /// - Throws: `ModelError.noSuchHead`.
    func heads(_ chosen: [Int]?) throws -> [Int] {
        let count = configuration.heads
        let heads = chosen ?? Array(0..<count)
        if let wrong = heads.first(where: { !(0..<count).contains($0) }) {
            throw ModelError.noSuchHead(wrong, heads: count)
        }
        return heads
    }

    /// The request, with what the classifier needs.
    func classifying(_ request: ForwardRequest) -> ForwardRequest {
        var request = request
        classification?.classifier.require(of: &request)
        return request
    }

    /// What the classifier takes a frame for.
    ///
    /// - Parameter result: of a request that `classifying` gave.
    func prediction(_ result: ForwardResult) -> FramePrediction? {
        classification.map { FramePrediction(logits: $0.classifier.logits(result), $0) }
    }
}
