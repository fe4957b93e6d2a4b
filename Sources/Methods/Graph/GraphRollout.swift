import Base
import Graph
import Pixels
import Probing
import ViT

/// Attention rolled out through all layers, within and across stages.
struct GraphRolloutMaps: GraphMapSource {
    let probed: ProbedGraph
    let options: RolloutOptions

    /// - Throws: `VitvideoError` of kind `usage` for options that it does not have, and where a layer's rows are no tokens.
    init(_ request: GraphRequest) throws {
        probed = request.model
        options = try RolloutOptions(request.settings).checkedForGraphs()
        _ = try request.instance().fold(of: probed.name)
    }

    var method: Method { .rollout }
    var summary: String { fusedName }
    var arrays: [MapArray] { [MapArray("rollout", .fused)] }
    var partNames: [String] { [] }
    var fusedName: String { "rollout" + options.caption }

    func describe(in provenance: inout Provenance) { options.describe(in: &provenance) }

    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        PlacedFold.grid(of: instance.attention).map { ($0.rows, $0.columns) } ?? (1, 1)
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        GraphPlan(instance.graph, keeping: instance.attention.map(\.value)).memoryBytes
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let looker = try GraphLooker(probed, threads: threads) { $0.attention.map(\.value) }
        let folds = LatestInstance<PlacedFold>()
        return { [probed, options] image in
            let (instance, pass) = try looker.look(at: image)
            let fold = try folds.value(for: instance) { try instance.fold(of: probed.name) }
            let map = fold.map(instance.attention, .rollout) { matrix in
                pass.withValues(matrix.value) {
                    options.discarded(matrix.fused($0, by: options.headFusion), of: matrix)
                }
            }
            return FrameMaps(
                parts: [], fused: map.scaledToOne, prediction: probed.prediction(pass.output))
        }
    }
}

/// What speaks for a class through all layers: gradient rollout, or Chefer's relevance.
struct GraphClassMaps: GraphMapSource {
    enum Kind: Sendable {
        case gradientRollout(RolloutOptions)
        case relevance
    }

    let probed: ProbedGraph
    let kind: Kind
    /// Nil for the likeliest of each frame.
    private let target: Int?
    private let labels: ClassLabels

    /// - Throws: `VitvideoError` of kind `usage` where the model does not classify, for a class that it does not have, and as
    ///   `GraphRolloutMaps.init`.
    init(_ request: GraphRequest, _ kind: Kind) throws {
        probed = request.model
        self.kind = kind
        let instance = try request.instance()
        _ = try instance.fold(of: probed.name)
        guard instance.classes > 0, let labels = probed.labels else {
            throw VitvideoError.noClassifier(model: probed.name)
        }
        self.labels = labels
        target = try ClassChoice(request.settings[MethodOptions.targetClass] ?? "top").index(
            among: labels, classes: instance.classes)
    }

    var method: Method { if case .relevance = kind { .relevance } else { .gradientRollout } }
    var arrays: [MapArray] {
        [MapArray(method.arrays[0].name, .fused)]
    }
    var partNames: [String] { [] }
    var fusedName: String {
        if case .gradientRollout(let options) = kind {
            "gradient rollout" + options.caption
        } else {
            "relevance"
        }
    }
    var summary: String {
        fusedName + labels.phrase(forClass: target)
    }

    func describe(in provenance: inout Provenance) {
        if case .gradientRollout(let options) = kind { options.describe(in: &provenance) }
        provenance.add(targetClass: target, labels)
    }

    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        PlacedFold.grid(of: instance.attention).map { ($0.rows, $0.columns) } ?? (1, 1)
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        GraphGradient.memoryBytes(
            GraphPlan(instance.graph, keepsAll: true), start: [instance.graph.output].compactMap { $0 },
            wanted: instance.attention.map(\.value))
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let context = try GraphContext(pool: WorkerPool(workers: threads))
        let latest = LatestInstance<(gradient: GraphGradient, fold: PlacedFold)>()
        return { [probed, kind, target, labels] image in
            let instance = try probed.instance(height: image.height, width: image.width)
            guard let output = instance.graph.output else {
                throw VitvideoError.noClassifier(model: probed.name)
            }
            let (gradient, fold) = try latest.value(for: instance) {
                (
                    try GraphGradient(
                        GraphPlan(instance.graph, keepsAll: true), start: [output],
                        wanted: instance.attention.map(\.value), context),
                    try instance.fold(of: probed.name)
                )
            }
            _ = gradient.pass.picture.update(
                fromContentsOf: try probed.preprocessor.normalizedPlanes(of: image))
            try gradient.pass.run()
            let logits = gradient.pass.output
            let index = target ?? logits.indices.max { logits[$0] < logits[$1] } ?? 0
            var start = [Float](repeating: 0, count: logits.count)
            start[index] = 1
            try gradient.run([GraphGradient.Start(output, start)])
            /// A ⊙ ∂y/∂A, fused.
            func weighted(_ matrix: AttentionMatrix, by fusion: HeadFusion, clampsEach: Bool = false)
                -> [Float]
            {
                gradient.pass.withValues(matrix.value) { values in
                    gradient.withGradient(matrix.value) {
                        matrix.fused(values, times: $0, by: fusion, clampsEach: clampsEach)
                    }
                }
            }
            let map =
                switch kind {
                case .gradientRollout(let options):
                    fold.map(instance.attention, .rollout) {
                        options.discarded(weighted($0, by: options.headFusion), of: $0)
                    }.scaledToOne
                case .relevance:
                    fold.map(instance.attention, .relevance) { weighted($0, by: .mean, clampsEach: true) }
                }
            return FrameMaps(
                parts: [], fused: map, prediction: probed.prediction(logits),
                targetClass: TargetClass(index: index, name: labels.shortName(index)))
        }
    }
}

extension GraphInstance {
    /// - Throws: `VitvideoError` of kind `usage` where a layer's rows stand for no tokens.
    fileprivate func fold(of name: String) throws -> PlacedFold {
        if let fold = PlacedFold(attention) { return fold }
        let layer = attention.firstIndex { !$0.hasQueries } ?? 0
        throw VitvideoError(
            .usage,
            reason:
                "attention of \(name) does not lead from patch to patch: in layer \(layer) channels attend to patches",
            nextStep: .otherMethod("attention"))
    }
}

extension RolloutOptions {
    /// - Throws: `VitvideoError` of kind `usage` for another program's conventions, which know one grid alone.
    func checkedForGraphs() throws -> RolloutOptions {
        guard compatibility == .standard else {
            throw VitvideoError(
                .usage, reason: "\(compatibility.rawValue) knows plain Vision Transformers alone",
                nextStep: .leaveOut([.compat(compatibility.rawValue)]))
        }
        return self
    }

    /// With the smallest values set to 0; the class token's attention to itself is spared.
    fileprivate func discarded(_ fused: [Float], of matrix: AttentionMatrix) -> [Float] {
        guard discardRatio > 0 else { return fused }
        var fused = fused
        let count = Int(Double(fused.count) * discardRatio)
        fused.withUnsafeMutableBufferPointer {
            DiscardSelection.zeroSmallest(
                count, of: $0, sparing: matrix.rowPlaces.first == .token(0) ? 0 : nil)
        }
        return fused
    }
}
