import Base
import Probing
import ViT

/// A frame that becomes so many patches that somebody has to say that this is meant: attention grows with their
/// square, and one frame may take hours.
package struct HugeFrame: Sendable {
    /// As many patches as a frame may become unasked.
    package static let limit = 16_384

    private let model: String
    private let height: Int
    private let width: Int
    private let layout: InputLayout
    private let bytes: Int
    private let seconds: Double
    /// The largest `--resolution` within the limit; nil where none is.
    package let fittingResolution: Int?

    /// - Returns: nil where the frame is within the limit.
    /// - Throws: `VitvideoError.inputTooSmall`, `VitvideoError.mathLibraryMissing`.
    package init?(of probed: ProbedModel, height: Int, width: Int) throws {
        let layout = try probed.preprocessor.layout(height: height, width: width)
        guard layout.rows * layout.columns > Self.limit else { return nil }
        let c = probed.configuration
        let tokens = c.specialTokens + layout.rows * layout.columns
        (model, self.height, self.width, self.layout) = (probed.name, height, width, layout)
        bytes = MemoryModel(c, rows: layout.rows, columns: layout.columns).forwardPass(.float32, workers: 1)
        seconds = ForwardCost.operations(c, tokens: tokens) / (try ForwardCost.operationsPerSecond())
        // Whole patches on the short side, from those there are downwards.
        let sides = (1...min(layout.rows, layout.columns)).reversed()
        fittingResolution = sides.lazy.map { $0 * c.patchSize }.first { side in
            let preprocessor = Preprocessor(configuration: c, resolution: .shortSide(side))
            guard let layout = try? preprocessor.layout(height: height, width: width) else { return false }
            return layout.rows * layout.columns <= Self.limit
        }
    }

    /// What it is, and what it takes at least.
    package var estimate: String {
        "a frame of \(width)×\(height) becomes \(layout.columns)×\(layout.rows) patches of \(model), which take at "
            + "least \(byteText(bytes)) and \(Self.text(seconds)) on one core"
    }

    /// - Returns: an error of kind `usage`.
    package var refusal: VitvideoError {
        VitvideoError(
            .usage, reason: estimate + "; more than \(Self.limit) patches are not begun unasked",
            nextStep: .shrinkFrames(resolution: fittingResolution))
    }

    private static func text(_ seconds: Double) -> String {
        switch seconds {
        case ..<120: "\(Int(seconds.rounded(.up))) s"
        case ..<7200: "\(Int((seconds / 60).rounded())) min"
        default: "\(Int((seconds / 3600).rounded())) h"
        }
    }
}
