import Base
import Pixels
import Probing
import ViT

/// A model as a job looks at it: what it is called, at what size it sees the frames, how it classifies them.
package struct ProbedModel: Sendable {
    package let model: Model
    /// Identifies the model among those of a job.
    package let name: String
    package let resolution: Resolution
    /// Nil where frames are not classified.
    package let classification: Classification?

    /// - Parameter name: the model's own name where nil.
    package init(
        _ model: Model, name: String? = nil, resolution: Resolution, classification: Classification? = nil
    ) {
        self.model = model
        self.name = name ?? model.name
        self.resolution = resolution
        self.classification = classification
    }

    package var configuration: Configuration { model.configuration }

    package var preprocessor: Preprocessor {
        Preprocessor(configuration: model.configuration, resolution: resolution)
    }

    /// Where the model's patches lie on frames of this size.
    ///
    /// - Throws: `VitvideoError.inputTooSmall`.
    package func layout(of image: RGBImage) throws -> InputLayout {
        try preprocessor.layout(height: image.height, width: image.width)
    }

    /// - Parameter chosen: nil for all.
    /// - Throws: `VitvideoError.noSuchHead`.
    package func heads(_ chosen: [Int]?) throws -> [Int] {
        try headIndices(chosen, of: configuration.heads)
    }

    /// Takes what forward passes need off the memory there is.
    ///
    /// - Parameter workers: how many frames are under way at once.
    /// - Throws: `VitvideoError` of kind `usage`.
    package func reserveMemory(
        precision: Precision, on layout: InputLayout, workers: Int, from availableBytes: inout Int?
    ) throws {
        // Threads that share a frame add little; they are not known here.
        try reserveMemory(name, on: layout, workers: workers, from: &availableBytes) {
            $0.forwardPass(precision, workers: 1)
        }
    }

    /// Takes what some work needs off the memory there is.
    ///
    /// - Parameters:
    ///   - work: what takes the memory, to begin a refusal with.
    ///   - workers: how many frames are under way at once.
    ///   - needed: bytes that a frame takes.
    /// - Throws: `VitvideoError` of kind `usage`.
    func reserveMemory(
        _ work: String, on layout: InputLayout, workers: Int, from availableBytes: inout Int?,
        _ needed: (MemoryModel) -> Int
    ) throws {
        guard let available = availableBytes else { return }
        func bytes(rows: Int, columns: Int) -> Int {
            needed(MemoryModel(configuration, rows: rows, columns: columns))
        }
        try GridMemory.check(
            work, patchSize: configuration.patchSize, rows: layout.rows, columns: layout.columns,
            workers: workers, availableBytes: available, bytes: bytes)
        availableBytes = available - workers * bytes(rows: layout.rows, columns: layout.columns)
    }

    /// The request, with what the classifier needs.
    package func classifying(_ request: ForwardRequest) -> ForwardRequest {
        var request = request
        classification?.classifier.require(of: &request)
        return request
    }

    /// What the classifier takes a frame for.
    ///
    /// - Parameter result: of a request that `classifying` gave.
    package func prediction(_ result: ForwardResult) -> FramePrediction? {
        classification.map { FramePrediction(logits: $0.classifier.logits(result), $0) }
    }
}
