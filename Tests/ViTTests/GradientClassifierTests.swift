import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// Gradients of logits that a linear head gives, which reads the class token of several blocks or the mean
/// patch.
@Suite struct GradientClassifierTests {
    private struct Case {
        let model: Model
        let classifier: Classifier
        let planes: [Float]
        let expected: [Float]
        private let size: (rows: Int, columns: Int)

        init(_ name: String) throws {
            let folder = Fixtures.golden("families")
            let file = try Checkpoint.open(folder.appendingPathComponent("linear.expected.safetensors").path)
            model = try Model.load(
                folder.appendingPathComponent("linear_backbone.safetensors").path, told: ModelFacts(heads: 2))
            let head = try LinearHead.load(
                folder.appendingPathComponent("linear_\(name).safetensors").path, for: model.configuration)
            classifier = Classifier(head, for: model)
            let shape = try #require(file["input"]).shape
            let patch = model.configuration.patchSize
            size = (shape[1] / patch, shape[2] / patch)
            planes = try file.floats("input")
            expected = try file.floats(name)
        }

        func patches(_ planes: [Float]) -> PatchMatrix {
            Preprocessor(configuration: model.configuration, resolution: .native)
                .patches(ofPlanes: planes, rows: size.rows, columns: size.columns)
        }

        func logits(_ model: Model, _ planes: [Float]) throws -> [Float] {
            var request = ForwardRequest(attentionBlocks: [])
            classifier.require(of: &request)
            return classifier.logits(try ForwardPass(model: model).run(patches(planes), request))
        }
    }

    @Test(arguments: ["small", "base"]) func linearHead(name: String) throws {
        let item = try Case(name)
        let request = GradientRequest(
            target: .topLogit, classifier: item.classifier, wantsInput: true, wantsParameters: true)
        let result = try BackwardPass(model: item.model).run(item.patches(item.planes), request)
        #expect(relativeError(result.logits, item.expected) <= 1e-4)
        let index = try #require(result.targetClass)
        #expect(item.expected.indices.allSatisfy { item.expected[$0] <= item.expected[index] })
        #expect(abs(result.score - item.expected[index]) <= 1e-4)

        let error = try GradientCheckTests.error(of: result.input, at: item.planes) {
            Double(try item.logits(item.model, $0)[index])
        }
        #expect(error < GradientCheckTests.tolerance, "input: \(error)")

        // The final LayerNorm's parameters are reached from every token that the head reads.
        let directory = try TemporaryDirectory()
        let file = try Checkpoint.open(Fixtures.golden("families/linear_backbone.safetensors").path)
        // The class token bends the logit within a tenth of that step.
        for (parameter, change) in [("norm.weight", 0.2), ("norm.bias", 0.2), ("cls_token", 0.005)] {
            let name = try #require(file.names.first { $0.hasSuffix(parameter) })
            let gradient = try #require(result.parameters[parameter])
            let error = try GradientCheckTests.error(of: gradient, at: try file.floats(name), change: change)
            { values in
                let tensors = try file.names.map { other in
                    (
                        name: other, shape: try #require(file[other]).shape,
                        values: other == name ? values : try file.floats(other)
                    )
                }
                let path = directory.file("moved.safetensors")
                try Safetensors.write(tensors, to: path)
                return Double(
                    try item.logits(
                        try Model.load(path, configuration: item.model.configuration), item.planes)[index])
            }
            print("\(name): \(error)")
            #expect(error < GradientCheckTests.tolerance, "\(parameter): \(error)")
        }
    }

    @Test func aModelWithoutAClassifierAsksForOne() throws {
        let item = try Case("small")
        #expect(throws: VitvideoError.noClassifier(model: item.model.name)) {
            try BackwardPass(model: item.model).run(
                item.patches(item.planes), GradientRequest(target: .topLogit))
        }
        #expect(throws: VitvideoError.noSuchClass(5, classes: 5)) {
            try BackwardPass(model: item.model).run(
                item.patches(item.planes),
                GradientRequest(target: .logit(5), classifier: item.classifier))
        }
    }
}
