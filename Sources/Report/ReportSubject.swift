import Methods
import Probing
import ViT

/// A plain Vision Transformer that the report is about, ready to compute.
package struct ReportSubject: ReportModel {
    package let engine: Engine
    package let probed: ProbedModel

    /// - Parameter classification: nil for a model without classes.
    package init(
        engine: Engine, name: String, resolution: Resolution, classification: Classification? = nil
    ) {
        self.engine = engine
        probed = ProbedModel(
            engine.model, name: name, resolution: resolution, classification: classification)
    }

    package var name: String { probed.name }
    package var model: Model { probed.model }
    package var resolution: Resolution { probed.resolution }
    var classification: Classification? { probed.classification }
    package var classifies: Bool { classification != nil }
    package var headCounts: [Int] {
        [Int](repeating: model.configuration.heads, count: model.configuration.depth)
    }

    package var shape: String {
        let c = model.configuration
        return "patch \(c.patchSize), width \(c.width), \(c.depth) layers of \(c.heads) heads"
    }

    package var given: String {
        switch resolution {
        case .shortSide(let side): "short side \(side) px"
        case .native: "native size"
        }
    }

    package var reading: String { "\(model.reading), \(engine.precision.rawValue)" }
    package var weightsHash: String { model.weightsHash }
    package var notices: [ModelNotice] { model.account.notices }
    package var computation: String { engine.description }
    package var notice: String? { engine.notice }
    package var obstacle: String? { nil }

    package func provenance(version: String) -> Provenance {
        Provenance(of: model, precision: engine.precision, version: version)
    }

    package func check(_ section: MethodSection, _ settings: ReportSettings) throws {
        try section.check(settings, probed)
    }

    package func checkSize(height: Int, width: Int, allowsHuge: Bool) throws {
        let huge = try HugeFrame(of: probed, height: height, width: width)
        if let huge, !allowsHuge { throw huge.refusal }
    }

    package func passBytes(height: Int, width: Int) throws -> Int {
        let layout = try probed.preprocessor.layout(height: height, width: width)
        return MemoryModel(model.configuration, rows: layout.rows, columns: layout.columns)
            .forwardPass(engine.precision, workers: 1)
    }

    package func makeProbe(_ plan: SurveyPlan, threads: Int, workers: Int) throws -> any ModelProbe {
        try PictureProbe(plan, self, threads: threads, workers: workers)
    }
}

extension ReportSubject {
    /// Why there is no class token to look at, nil where there is one: what follows the model's name.
    var classTokenObstacle: String? {
        if !model.configuration.prefix.hasClassToken { return "has no class token" }
        if !model.configuration.hasFinalNorm && !model.configuration.hasPoolingNorm {
            return "has no norm after its last layer, so it gives no features"
        }
        return nil
    }
}
