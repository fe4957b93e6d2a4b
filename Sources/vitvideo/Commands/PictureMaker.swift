import Base
import Graph
import Methods
import Pipeline
import Probing
import ViT

/// Makes jobs of pictures: the model, the recipe and the sizes that the options ask for.
struct PictureMaker {
    /// What to call the model.
    let name: String
    /// What is computed with.
    let computation: String
    let reading: String
    let notices: [ModelNotice]
    /// What an export says of the model.
    let provenance: Provenance
    let units: [VisualizedUnit]
    let recipe: VisualizationRecipe
    let threads: Int
    /// Of each picture in pixels.
    let side: Int
    private let seed: UInt64
    private let make: VisualizationJob.MakeVisualization

    /// - Parameter side: of each picture in pixels.
    /// - Throws: `VitvideoError` where memory or the library is missing.
    init(
        _ command: Neuron, of units: [VisualizedUnit], _ model: Model, _ classifier: Classifier? = nil,
        side: Int
    ) throws {
        self.units = units
        self.side = side
        let c = model.configuration
        let recipe = command.recipe.recipe
        let grid = (rows: side / c.patchSize, columns: side / c.patchSize)
        let threads = min(command.compute.threadCount, recipe.copies)
        let need = MemoryModel(c, rows: grid.rows, columns: grid.columns)
        try command.compute.checkMemory(
            threads * (units.map { need.pixelGradient($0.target) }.max() ?? 0), side: side)
        let engine = try GradientEngine(
            model: model, classifier: classifier,
            blockCount: units.map { $0.target.blockCount(of: c) }.max() ?? c.depth,
            library: command.compute.backend, precision: command.compute.precision.value)
        seed = command.recipe.seed
        (self.recipe, self.threads) = (recipe, threads)
        (name, computation, reading) = (model.name, engine.description, model.reading)
        notices = model.account.notices
        provenance = Provenance(of: model, precision: engine.precision, version: Version.current)
        make = { unit in
            try FeatureVisualization(
                engine: engine, target: unit.target, recipe: recipe, rows: grid.rows, columns: grid.columns,
                threads: threads)
        }
    }

    /// Of a transformer of any build: neurons and logits.
    ///
    /// - Throws: `VitvideoError` for what it does not have, and where memory is missing.
    init(_ command: Neuron, _ model: GraphModel) throws {
        guard command.compute.precision.value ?? .float32 == .float32 else {
            throw VitvideoError.exactOnly(model: model.name)
        }
        let side = try Self.side(command, model)
        let instance = try model.instance(height: side, width: side)
        let units = try command.units.chosen(
            command.units.units, of: instance, model, offline: command.model.offline)
        let recipe = command.recipe.recipe
        let threads = min(command.compute.threadCount, recipe.copies)
        let bytes =
            try units.map { try GraphPixelGradient.memoryBytes(instance, target: $0.target) }.max() ?? 0
        try command.compute.checkMemory(threads * bytes, side: side)
        (self.units, self.side, self.recipe, self.threads) = (units, side, recipe, threads)
        seed = command.recipe.seed
        let probed = try ProbedGraph(model)
        (name, reading, notices) = (model.name, probed.reading, model.notices)
        computation = ProbedGraph.computation
        provenance = Provenance(of: model, version: Version.current)
        make = { unit in
            try FeatureVisualization(
                recipe: recipe, normalization: model.normalization, height: side, width: side,
                threads: threads
            ) { try GraphPixelGradient(instance, target: unit.target) }
        }
    }

    /// The picture's side: by default that of the model's training.
    private static func side(_ command: Neuron, _ model: GraphModel) throws -> Int {
        if let fixed = model.fixedSize {
            guard fixed.height == fixed.width else {
                throw VitvideoError(
                    .usage,
                    reason:
                        "\(model.name) takes pictures of \(fixed.width)×\(fixed.height), and these are square"
                )
            }
            if case .shortSide(let side) = command.model.resolution?.value, side != fixed.height {
                throw VitvideoError(
                    .usage,
                    reason: "\(model.name) takes pictures of \(fixed.width)×\(fixed.height) pixels alone")
            }
            return fixed.height
        }
        guard case .shortSide(let side) = command.model.resolution?.value else { return model.nativeSide }
        guard side >= model.sideUnit else {
            throw VitvideoError.inputTooSmall(height: side, width: side, patchSize: model.sideUnit)
        }
        return side / model.sideUnit * model.sideUnit
    }

    func job(outputs: [any VisualizationOutput], stop: StopRequest) -> VisualizationJob {
        VisualizationJob(units: units, recipe: recipe, seed: seed, outputs: outputs, stop: stop, make: make)
    }
}

extension UnitOptions {
    /// The units of a transformer of any build that lists name.
    ///
    /// - Throws: `VitvideoError` of kind `usage` for what it does not have.
    fileprivate func chosen(
        _ arguments: [String], of instance: GraphInstance, _ model: GraphModel, offline: Bool
    ) throws -> [VisualizedUnit] {
        switch target {
        case .neuron:
            let list = arguments.isEmpty ? "*:*:4" : arguments.joined(separator: ",")
            return try instance.neurons(list, of: model.name).map {
                VisualizedUnit(name: "\($0)", target: .neuron($0), layer: $0.block)
            }
        case .logit where !texts.isWanted && headFile == nil:
            guard instance.classes > 0 else { throw VitvideoError.noClassifier(model: model.name) }
            let names = try labels.map {
                try ClassLabels(
                    given: $0, of: model.name, own: model.classNames, classes: instance.classes,
                    offline: offline)
            }
            return try classes(arguments, count: instance.classes, names).map {
                VisualizedUnit(name: $0.name, target: .logit($0.index), layer: nil)
            }
        default:
            throw VitvideoError(
                .usage,
                reason: "of \(model.name) (\(model.title)) pictures are made of neurons and of its own logits"
            )
        }
    }
}
