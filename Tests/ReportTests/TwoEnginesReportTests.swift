import Fixtures
import Foundation
import Graph
import Methods
import NumPy
import Testing
import ViT

@testable import Report

/// A report on a plain Vision Transformer by the tuned engine beside its ONNX export by the general one: the same numbers in
/// every section that both have, and a note in the others.
@Suite struct TwoEnginesReportTests {
    @Test func theSameNumbers() throws {
        let directory = try TemporaryDirectory()
        let paths = try (0..<3).map {
            try directory.writePicture("\($0).png", height: 24, width: 24, seed: UInt64($0))
        }
        let path = Fixtures.golden("graph/vit/model.onnx").path
        let plain = try Model.load(path, told: ModelFacts(family: .vit, heads: 3), readsFilesBeside: false)
        let normalization = plain.configuration.normalization
        let graph = try #require(
            try GraphModel.open(path, mean: normalization.mean, deviation: normalization.deviation))
        let labels = ClassLabels(names: [])
        let classifier = try #require(Classifier(ownOf: plain))
        let models: [any ReportModel] = [
            ReportSubject(
                engine: try Engine(model: plain), name: "tuned", resolution: .native,
                classification: Classification(classifier: classifier, labels: labels, shownCount: 0)),
            try ReportGraph(ProbedGraph(graph, name: "general", labels: labels, classes: 5)),
        ]
        let options = ReportOptions(
            sections: Set(ReportSection.all.map(\.name)), figures: 2,
            settings: ReportSettings(layer: 0, discardRatios: [0, 0.5]))
        let outcome = try makeReport(of: paths, byModels: models, in: directory, options)
        #expect(outcome.counts.used == 3)

        for (section, arrays) in [
            ("heads-2", ["attention"]), ("layers-2", ["layers"]),
            ("rollout-1", ["rollout", "discard_ratio"]),
            ("gradient-rollout-1", ["gradient_rollout", "class"]), ("relevance-2", ["relevance", "class"]),
            ("prediction-1", ["logits"]), ("distance", ["mean_attention_distance", "per_picture"]),
        ] {
            func read(_ name: String, by model: String) throws -> NPYArray {
                try NPZReader(directory.file("report/arrays/\(section)-\(model).npz")).array(name)
            }
            for name in arrays {
                let (own, other) = (try read(name, by: "general"), try read(name, by: "tuned"))
                #expect(own.shape == other.shape, "\(section) \(name)")
                let (values, expected) = (try own.floats(), try other.floats())
                #expect(relativeError(values, expected) < 1e-5, "\(section) \(name)")
                #expect(expected.min() != expected.max(), "what is flat agrees with anything")
            }
        }
        let page = try String(contentsOfFile: directory.file("report/index.html"), encoding: .utf8)
        // Globalization, the class token's part, neurons, queries and keys, filters, positions; background has no boxes.
        #expect(page.matches(of: /general is another transformer \(ONNX graph\)/).count >= 6)
        #expect(!page.contains("tuned is another"))
    }

    @Test("a report on such models alone")
    func alone() throws {
        let directory = try TemporaryDirectory()
        let paths = [try directory.writePicture("a.png", height: 40, width: 56, seed: 1)]
        let swin = try #require(try GraphModel.open(Fixtures.golden("graph/swin").path))
        let models = [try ReportGraph(ProbedGraph(swin, name: "swin"))]
        _ = try makeReport(of: paths, byModels: models, in: directory)
        let distance = try NPZReader(directory.file("report/arrays/distance-swin.npz"))
            .array("mean_attention_distance")
        #expect(distance.shape == [models[0].headCounts.count, models[0].headCounts.max()])
        let layers = try distance.floats().chunked(by: distance.shape[1])
        // Heads that a layer does not have are not numbers; windows keep what the others look at near.
        for (values, heads) in zip(layers, models[0].headCounts) {
            #expect(values.prefix(heads).allSatisfy { $0 > 0 && $0 < 80 })
            #expect(values.dropFirst(heads).allSatisfy { $0.isNaN })
        }
        #expect(Set(models[0].headCounts).count > 1)
    }
}

extension [Float] {
    fileprivate func chunked(by count: Int) -> [[Float]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<$0 + count]) }
    }
}
