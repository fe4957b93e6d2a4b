import Base
import Graph
import Pixels
import ViT

/// A transformer of any build as a job looks at it.
package struct ProbedGraph: ProbedSubject {
    package let model: GraphModel
    package let name: String
    package let preprocessor: Preprocessor
    /// Names of its classes; nil where frames are not classified.
    package let labels: ClassLabels?
    /// How many of the likeliest classes are shown on the picture; 0 for none.
    package let shownCount: Int
    package let classes: Int

    /// - Parameters:
    ///   - name: the model's own name where nil.
    ///   - resolution: the side of its training where nil.
    ///   - classes: how many it has; 0 where frames are not classified.
    /// - Throws: `VitvideoError` of kind `usage` for a resolution that the model does not take.
    package init(
        _ model: GraphModel, name: String? = nil, resolution: Resolution? = nil, labels: ClassLabels? = nil,
        shownCount: Int = 0, classes: Int = 0
    ) throws {
        self.model = model
        self.name = name ?? model.name
        self.labels = labels
        self.shownCount = shownCount
        self.classes = classes
        if let fixed = model.fixedSize {
            if let resolution, resolution != .shortSide(min(fixed.height, fixed.width)) {
                throw VitvideoError(
                    .usage,
                    reason: "\(self.name) takes pictures of \(fixed.width)×\(fixed.height) pixels alone",
                    nextStep: .advice(
                        "export it with height and width left open, or leave the resolution out"))
            }
            preprocessor = Preprocessor(
                patchSize: 1, normalization: model.normalization, resolution: .native,
                exactly: (fixed.height, fixed.width))
        } else {
            preprocessor = Preprocessor(
                patchSize: model.sideUnit, normalization: model.normalization,
                resolution: resolution ?? .shortSide(model.nativeSide))
        }
    }

    /// What is computed with.
    package static var computation: String { "graph engine, \(Engine.standardDescription)" }

    package var weightsHash: String { model.weightsHash }
    package var notices: [ModelNotice] { model.notices }
    package var textTokens: [[Int]]? { nil }
    package var reading: String {
        func list(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: ",") }
        return
            "\(model.title), mean \(list(model.normalization.mean)), std \(list(model.normalization.deviation))"
    }

    package func inputSize(height: Int, width: Int) throws -> (height: Int, width: Int) {
        let layout = try preprocessor.layout(height: height, width: width)
        return (layout.rows * preprocessor.patchSize, layout.columns * preprocessor.patchSize)
    }

    /// The model ready for frames of this size.
    ///
    /// - Throws: `VitvideoError` where the model does not take them.
    package func instance(height: Int, width: Int) throws -> GraphInstance {
        let size = try inputSize(height: height, width: width)
        return try model.instance(height: size.height, width: size.width)
    }

    package func provenance(precision: Precision, version: String) -> Provenance {
        Provenance(of: model, version: version)
    }

    /// What the model takes a frame for; nil where it is not asked.
    func prediction(_ logits: [Float]) -> FramePrediction? {
        labels.map { FramePrediction(logits: logits, labels: $0, shownCount: shownCount) }
    }
}

/// One worker's forward passes of a graph over frames.
package final class GraphLooker {
    private let probed: ProbedGraph
    private let context: GraphContext
    /// What is kept to be read, of an instance.
    private let keeping: (GraphInstance) throws -> [Value]
    private let latest = LatestInstance<GraphPass>()

    /// - Parameter threads: that share a frame.
    package init(_ probed: ProbedGraph, threads: Int, keeping: @escaping (GraphInstance) throws -> [Value])
        throws
    {
        self.probed = probed
        self.keeping = keeping
        context = try GraphContext(pool: WorkerPool(workers: threads))
    }

    /// - Throws: `VitvideoError` where the model does not take the picture.
    package func look(at image: RGBImage) throws -> (instance: GraphInstance, pass: GraphPass) {
        let instance = try probed.instance(height: image.height, width: image.width)
        let kept = try keeping(instance)
        let pass = try latest.value(for: instance) {
            try GraphPass(GraphPlan(instance.graph, keeping: kept), context)
        }
        _ = pass.picture.update(fromContentsOf: try probed.preprocessor.normalizedPlanes(of: image))
        try pass.run()
        for value in kept + [instance.graph.output].compactMap({ $0 }) {
            try pass.withValues(value) {
                guard let start = $0.baseAddress else { return }
                try FiniteValues.check(start, count: $0.count, in: "what \(probed.name) computes")
            }
        }
        return (instance, pass)
    }
}

/// What a worker has made for a model at a size; that of the size last looked at is kept.
package final class LatestInstance<Made> {
    private var latest: (instance: GraphInstance, made: Made)?

    package init() {}

    package func value(for instance: GraphInstance, _ make: () throws -> Made) rethrows -> Made {
        if let latest, latest.instance === instance { return latest.made }
        // The two need not fit into memory together.
        latest = nil
        let made = try make()
        latest = (instance, made)
        return made
    }
}

extension GraphPass {
    /// What comes out at last.
    package var output: [Float] {
        plan.graph.output.map { withValues($0) { Array($0) } } ?? []
    }
}
