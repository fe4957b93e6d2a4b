import Base
import Graph
import Methods
import Probing
import ViT

/// A transformer of any build that the report is about.
package struct ReportGraph: ReportModel {
    package let probed: ProbedGraph
    package let headCounts: [Int]

    /// - Throws: `VitvideoError` where the model cannot be computed.
    package init(_ probed: ProbedGraph) throws {
        self.probed = probed
        headCounts = try probed.model.nativeInstance().attention.map(\.heads)
    }

    package var name: String { probed.name }
    package var classifies: Bool { probed.labels != nil }

    package var shape: String {
        let heads = Set(headCounts).sorted()
        let range = heads.count > 1 ? "\(heads[0]) to \(heads[heads.count - 1])" : "\(heads.first ?? 0)"
        return "\(headCounts.count) layers of \(range) heads"
    }

    package var given: String {
        if let fixed = probed.model.fixedSize { return "\(fixed.width)×\(fixed.height) px" }
        return switch probed.preprocessor.resolution {
        case .shortSide(let side): "short side \(side) px"
        case .native: "native size"
        }
    }

    package var reading: String { "\(probed.reading), \(Precision.float32.rawValue)" }
    package var weightsHash: String { probed.weightsHash }
    package var notices: [ModelNotice] { probed.notices }
    package var computation: String { ProbedGraph.computation }
    package var notice: String? { nil }

    package func provenance(version: String) -> Provenance {
        probed.provenance(precision: .float32, version: version)
    }

    package func check(_ section: MethodSection, _ settings: ReportSettings) throws {
        guard section.figuresOfGraph != nil else { return }
        _ = try blockIndex(settings.layer, depth: headCounts.count)
    }

    package func checkSize(height: Int, width: Int, allowsHuge: Bool) throws {
        _ = try probed.inputSize(height: height, width: width)
    }

    package func passBytes(height: Int, width: Int) throws -> Int {
        let instance = try probed.instance(height: height, width: width)
        return GraphPlan(instance.graph, keeping: instance.attention.map(\.value)).memoryBytes
    }

    package func makeProbe(_ plan: SurveyPlan, threads: Int, workers: Int) throws -> any ModelProbe {
        try GraphProbe(plan, self, threads: threads, workers: workers)
    }

    package var obstacle: String? {
        "\(name) is another transformer (\(probed.model.title)); this is of plain Vision Transformers alone."
    }
}
