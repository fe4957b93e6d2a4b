import Base
import Pixels
import Probing
import ViT

extension MethodOptionUse {
    /// The option of methods that show what speaks for a class.
    static let targetClass = MethodOptionUse(
        MethodOptions.targetClass,
        "the class, by its number or its name (in --labels, else in ImageNet's list), or top, the likeliest "
            + "of each frame", standard: "top")
}

extension ArrayDescription {
    /// The class that each frame's map is for.
    static let targetClass = ArrayDescription("class", [], element: .int64)
}

/// The class that maps are for.
package struct ClassTarget: Sendable {
    let classification: Classification
    /// Nil for the one that the classifier puts first in each frame.
    let index: Int?

    /// - Throws: `VitvideoError` of kind `usage` where the probed model does not classify, and for a class that it does
    ///   not have.
    init(_ choice: ClassChoice, of probed: ProbedModel) throws {
        guard let classification = probed.classification else {
            throw VitvideoError.noClassifier(model: probed.name)
        }
        self.classification = classification
        index = try choice.index(
            among: classification.labels, classes: classification.classifier.classes)
    }
}

/// A source whose maps say what speaks for a class, found by a backward pass.
package protocol ClassMapSource: PlainMapSource {
    var target: ClassTarget { get }

    /// Makes one worker's.
    ///
    /// - Throws: `VitvideoError`.
    func makeMapper() throws -> any ClassMapper
}

extension ClassMapSource {
    /// The class by its index; nil for the one that the classifier puts first in each frame.
    package var targetClass: Int? { target.index }
    package var computation: String { "a reverse pass, \(Engine.standardDescription)" }
    package var notice: String? { nil }
    package var partNames: [String] { [] }

    package var summary: String {
        fusedName + target.classification.labels.phrase(forClass: targetClass)
    }

    func describeClass(in provenance: inout Provenance) {
        provenance.add(targetClass: targetClass, target.classification.labels)
    }

    /// The reverse pass runs on the worker's thread alone, whatever `threads` says.
    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let mapper = try makeMapper()
        let preprocessor = probed.preprocessor
        let classification = target.classification
        let logit = targetClass.map(GradientTarget.logit) ?? .topLogit
        return { image in
            let result = try mapper.run(
                try preprocessor.patches(of: image), target: logit, classifier: classification.classifier)
            return FrameMaps(
                parts: [], fused: result.map,
                prediction: FramePrediction(logits: result.logits, classification),
                targetClass: result.targetClass.map {
                    TargetClass(index: $0, name: classification.labels.shortName($0))
                })
        }
    }
}

extension ClassLabels {
    /// " for tabby", " for the top class".
    func phrase(forClass index: Int?) -> String {
        index.map { " for \(shortName($0))" } ?? " for the top class"
    }
}

extension Provenance {
    /// By its index, or "top": then the array `class` says which it was in each frame.
    mutating func add(targetClass: Int?, _ labels: ClassLabels) {
        self["class"] = .text(targetClass.map(String.init) ?? "top")
        self["class_name"] = targetClass.map { .text(labels.shortName($0)) }
    }
}
