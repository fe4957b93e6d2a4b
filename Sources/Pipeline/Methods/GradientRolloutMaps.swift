import Base
import Pixels
import Probing
import ViT

/// Rollout of each block's attention weighted by a class's gradient (vit-explain): what speaks for the class.
package struct GradientRolloutMaps: MapSource {
    package let probed: ProbedModel
    package let options: RolloutOptions
    /// The class by its index; nil for the one that the classifier puts first in each frame.
    package let targetClass: Int?
    private let classification: Classification

    /// - Throws: `VitvideoError.noClassifier` where the probed model does not classify,
    ///   `VitvideoError.noSuchClass`, `VitvideoError` of kind `usage` for options that gradient rollout
    ///   does not have, `PipelineError` of kind `usage` for a name that is not one class's.
    package init(_ probed: ProbedModel, options: RolloutOptions, target: ClassChoice = .top) throws {
        guard let classification = probed.classification else {
            throw VitvideoError.noClassifier(model: probed.name)
        }
        // Found out now instead of by the first worker.
        _ = try GradientRollout(model: probed.model, options: options)
        self.probed = probed
        self.options = options
        self.classification = classification
        targetClass = try target.index(
            among: classification.labels, classes: classification.classifier.classes)
    }

    package var method: ProbingMethod { .gradientRollout }
    package var computation: String { "a reverse pass, fp32" }
    package var notice: String? { nil }
    package var summary: String {
        fusedName
            + (targetClass.map { " for \(classification.labels.shortName($0))" } ?? " for the top class")
    }
    package var arrays: [MapArray] { [MapArray("gradient_rollout", .fused)] }
    package var partNames: [String] { [] }
    package var fusedName: String { "gradient rollout" + options.caption }
    package var followsClass: Bool { true }

    package func describe(in provenance: inout MapProvenance) {
        provenance.add(options)
        provenance.class = targetClass.map(String.init) ?? "top"
        provenance.className = targetClass.map(classification.labels.shortName)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try options.reserveMemory(
            for: probed, on: try layout(height: height, width: width), isGradient: true, workers: workers,
            from: &availableBytes)
    }

    /// The reverse pass runs on the worker's thread alone, whatever `threads` says.
    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let rollout = try GradientRollout(model: probed.model, options: options)
        let preprocessor = probed.preprocessor
        let target = targetClass.map(GradientTarget.logit) ?? .topLogit
        return { [classification] image in
            let result = try rollout.run(
                try preprocessor.patches(of: image), target: target, classifier: classification.classifier)
            return FrameMaps(
                parts: [], fused: result.map,
                prediction: FramePrediction(logits: result.logits, classification),
                targetClass: result.targetClass.map {
                    TargetClass(index: $0, name: classification.labels.shortName($0))
                })
        }
    }
}
