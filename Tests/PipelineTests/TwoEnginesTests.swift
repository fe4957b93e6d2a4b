import Base
import Fixtures
import Foundation
import Graph
import Pixels
import Probing
import Testing
import ViT

@testable import Methods

/// A plain Vision Transformer by both engines: the tuned one, and the graph that its ONNX export is. Each method that both have
/// gives the same maps.
@Suite struct TwoEnginesTests {
    static let side = 24

    /// A case: a method, and what it is told.
    struct Case: Sendable, CustomTestStringConvertible {
        let method: Method
        let settings: MethodSettings
        let testDescription: String

        init(_ method: Method, _ words: String = "", _ set: (inout MethodSettings) -> Void = { _ in }) {
            self.method = method
            var settings = MethodSettings()
            set(&settings)
            self.settings = settings
            testDescription = [method.name, words].filter { !$0.isEmpty }.joined(separator: ", ")
        }
    }

    static let cases = [
        Case(.attention),
        Case(.attention, "layer 0, a patch") {
            $0[MethodOptions.layer] = 0
            $0[MethodOptions.query] = .patch(row: 2, column: 4)
        },
        Case(.attention, "mean query, largest head") {
            $0[MethodOptions.query] = .mean
            $0[MethodOptions.fusion] = .max
            $0[MethodOptions.heads] = [2, 0]
        },
        Case(.layers), Case(.rollout),
        Case(.rollout, "largest head, half discarded") {
            $0[MethodOptions.headFusion] = .max
            $0[MethodOptions.discardRatio] = 0.5
        },
        Case(.gradientRollout) { $0[MethodOptions.targetClass] = "3" },
        Case(.gradientRollout, "top class, much discarded") { $0[MethodOptions.discardRatio] = 0.9 },
        Case(.relevance) { $0[MethodOptions.targetClass] = "1" },
        Case(.similarity) { $0[MethodOptions.query] = .pixel(x: 9, y: 13) },
        Case(.similarity, "layer 0, class token") {
            $0[MethodOptions.query] = .classToken
            $0[MethodOptions.layer] = 0
        },
        Case(.tokens), Case(.tokens, "layer 0") { $0[MethodOptions.layer] = 0 },
        Case(.features),
        Case(.neuron) { $0[MethodOptions.neuron] = "0:3,-1:10-12" },
    ]

    static let image: RGBImage = {
        var generator = SplitMix64(seed: 5)
        return RGBImage(
            height: side, width: side,
            bytes: (0..<3 * side * side).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    }()

    @Test("every method that both have is tried")
    func completeness() {
        let tried = Set(Self.cases.map(\.method.name))
        let have = MethodRegistry.standard.methods.filter(\.looksAtGraphs).map(\.name)
        #expect(tried == Set(have))
    }

    @Test("the two engines agree", arguments: cases, ["model.onnx", "model-dynamo.onnx"])
    func agree(_ tried: Case, file: String) throws {
        let path = Fixtures.golden("graph/vit/\(file)").path
        let plain = try Model.load(path, told: ModelFacts(family: .vit, heads: 3), readsFilesBeside: false)
        let normalization = plain.configuration.normalization
        let graph = try #require(
            try GraphModel.open(path, mean: normalization.mean, deviation: normalization.deviation))
        let labels = ClassLabels(names: [])
        let classifier = try #require(Classifier(ownOf: plain))
        let tuned = try tried.method.makeSource(
            MethodRequest(
                model: ProbedModel(
                    plain, resolution: .native,
                    classification: Classification(classifier: classifier, labels: labels, shownCount: 0)),
                settings: tried.settings, forEachSample: { try $0(Self.image) }
            ) { try Engine(model: plain) })
        let general = try tried.method.makeSource(
            GraphRequest(
                model: try ProbedGraph(graph, labels: labels, classes: 5), settings: tried.settings,
                frameHeight: Self.side, frameWidth: Self.side, forEachSample: { try $0(Self.image) }))
        let expected = try tuned.makeExtractor(threads: 1)(Self.image)
        let maps = try general.makeExtractor(threads: 1)(Self.image)
        #expect(general.arrays == tuned.arrays)
        #expect(maps.parts.count == expected.parts.count)
        for (map, other) in zip(maps.parts + [maps.fused], expected.parts + [expected.fused]) {
            #expect(map.height == other.height && map.width == other.width)
            #expect(relativeError(map.values, other.values) < 1e-5)
            #expect(other.values.min() != other.values.max(), "a flat map agrees with anything")
        }
        #expect(maps.targetClass == expected.targetClass)
        #expect(relativeError(maps.vectors.patches, expected.vectors.patches) < 1e-5)
        #expect(relativeError(maps.vectors.classToken, expected.vectors.classToken) < 1e-5)
        if let logits = expected.prediction?.logits {
            #expect(relativeError(maps.prediction?.logits ?? [], logits) < 1e-5)
        }
    }
}
