import ArgumentParser
import Base
import Glibc
import Methods
import Pipeline
import Probing
import ViT

struct Neuron: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the picture that excites a neuron most.",
        usage: """
            vitvideo neuron <units> -o <file> [<options>]
            """,
        discussion: """
            The picture of neuron 120 in layer 5:
            vitvideo neuron 5:120 -o neuron.png

            Sixteen neurons of layer 8 on one sheet, and how the numbers went:
            vitvideo neuron '8:*:16' -o sheet.png --plot steps.svg

            From edges to objects, a row a layer:
            vitvideo neuron --sheet progression -o layers.png

            The optimization as a video, and its numbers for NumPy:
            vitvideo neuron 5:120 -o neuron.mp4 --export neuron.npz

            A class, or what the class token looks for on a picture:
            vitvideo neuron 207 --target logit --model supervised -o class.png
            vitvideo neuron dog.jpg --target class-token -o dog-token.png

            The frames of videos and pictures that excite it most, and where it fires:
            vitvideo neuron 5:120 --examples clip.mp4,photos/ -o examples.png

            All neurons of a layer by how selectively they fire, and the most selective as pictures:
            vitvideo neuron --layer 5 --examples clip.mp4,photos/ -o layer5

            The recipe is that of Ghiasi et al. 2022, "What do Vision Transformers Learn?". The same seed gives the \
            same picture, whatever the number of threads. Units are done one after the other, each by all cores.
            """)

    @OptionGroup(title: "Units") var units: UnitOptions
    @OptionGroup(title: "Output") var output: NeuronOutputOptions
    @OptionGroup(title: "Recipe") var recipe: VisualizationOptions
    @OptionGroup(title: "Examples") var examples: ExampleOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Running") var compute: GradientComputeOptions
    @OptionGroup(title: "Running") var messages: MessageOptions

    func validate() throws {
        try FileArguments.check(
            [("--weights", model.weights), ("--labels", units.labels), ("--head", units.headFile)]
                + model.definitions.map { ("--define", $0.path) })
        if examples.isWanted { return try validateExamples() }
        if units.units.isEmpty, !units.texts.isWanted,
            output.sheet != .progression || units.target.takesPictures
        {
            throw ValidationError("no unit is given; write LAYER:NEURON, such as 5:120")
        }
    }

    func run() throws {
        if examples.isWanted { return try runExamples() }
        let loaded = try model.load(model.identity(of: nil))
        let side = try side(for: loaded)
        let classification = try units.classification(of: loaded, offline: model.offline)
        let chosen = try chosenUnits(loaded, classification, side: side)
        let maker = try PictureMaker(self, of: chosen, loaded, classification?.0, side: side)
        let (recipe, threads) = (maker.recipe, maker.threads)

        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(stop: stop, notice: "finishing the step under way", abort: temporaries.remove)
        let warnings = WarningList()
        let outputs = try output.makeOutputs(
            chosen, recipe, height: side, width: side,
            meta: meta(maker, loaded, chosen, side: side), title: title(loaded, chosen),
            threads: compute.threadCount, warnings: warnings)
        temporaries.add(outputs.flatMap(\.temporaryPaths))
        if !messages.quiet { ModelNotices.print(of: loaded, as: loaded.name) }
        if messages.verbose {
            StandardError.line(
                "\(loaded.name): \(chosen.count) picture\(chosen.count == 1 ? "" : "s") of \(side)×\(side), "
                    + "\(recipe.steps) steps of \(recipe.copies) copies, \(threads) threads, \(maker.engine.description)"
            )
            StandardError.line("\(loaded.name): \(loaded.reading)")
        }

        let job = maker.job(outputs: outputs, stop: stop)
        let display = ProgressDisplay(
            style: messages.progressStyle, total: chosen.count * recipe.steps,
            unit: (name: "steps", rate: "a second"))
        let outcome: VisualizationJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { progress in
                display.update(
                    frames: progress.steps, lastFrame: progress.step.index,
                    figure: (name: "objective", value: Double(progress.step.objective)))
            }
        }
        if !messages.quiet { warnings.print() }
        if case .interrupted(let pictures, let paths) = outcome {
            throw VitvideoError(
                .interrupted,
                reason: "interrupted; "
                    + (pictures == 0
                        ? "nothing was finished"
                        : "\(pictures == 1 ? "the picture" : "\(pictures) pictures") so far "
                            + "\(pictures == 1 ? "is" : "are") in \(paths.joined(separator: ", "))"))
        }
    }

    /// The units asked for; without any all texts, or of a progression four of every layer.
    private func chosenUnits(
        _ model: Model, _ classification: (Classifier, names: ClassLabels?)?, side: Int
    ) throws -> [VisualizedUnit] {
        var arguments = units.units
        if arguments.isEmpty {
            let texts = units.texts.texts.indices.map(String.init)
            arguments = texts.isEmpty ? ["*:*:4"] : [texts.joined(separator: ",")]
        }
        return try units.target.takesPictures
            ? arguments.map { try ClassTokenDirection.unit(of: $0, model, side: side) }
            : units.chosen(arguments, of: model, classification)
    }

    /// The picture's side in pixels, whole patches: by default that of the model's training, and 224 where that is
    /// above 384.
    func side(for model: Model) throws -> Int {
        let c = model.configuration
        let native = min(c.nativeRows, c.nativeColumns) * c.patchSize
        let wanted: Int
        switch self.model.resolution?.value {
        case .shortSide(let side): wanted = side
        case .native: wanted = native
        case nil: wanted = native > 384 ? 224 : native
        }
        guard wanted >= c.patchSize else {
            throw VitvideoError.inputTooSmall(height: wanted, width: wanted, patchSize: c.patchSize)
        }
        return wanted / c.patchSize * c.patchSize
    }

    private func title(_ model: Model, _ chosen: [VisualizedUnit]) -> String {
        let names = chosen.prefix(4).map(\.name).joined(separator: ", ") + (chosen.count > 4 ? ", …" : "")
        return "\(units.target.rawValue) \(names) of \(model.name)"
    }

    private func meta(
        _ maker: PictureMaker, _ model: Model, _ chosen: [VisualizedUnit], side: Int
    ) -> Provenance {
        let recipe = maker.recipe
        var meta = Provenance(of: model, precision: maker.engine.precision, version: Version.current)
        meta.add(inputHeight: side, inputWidth: side)
        meta["target"] = .text(units.target.rawValue)
        meta["units"] = .texts(chosen.map(\.name))
        if let head = units.headIndex { meta["head"] = .integer(head) }
        meta["seed"] = .text("\(self.recipe.seed)")
        meta["steps"] = .integer(recipe.steps)
        meta["copies"] = .integer(recipe.copies)
        meta["jitter"] = .integer(recipe.jitter)
        meta["noise"] = .text(recipe.noise.rawValue)
        for (key, value) in [
            ("learning_rate", recipe.learningRate), ("tv", recipe.totalVariation),
            ("tv_unit", VisualizationRecipe.totalVariationUnit), ("color_shift", recipe.colorShift),
            ("noise_scale", recipe.noiseScale),
        ] { meta[key] = .number(Double("\(value)") ?? Double(value)) }
        return meta
    }
}

/// Makes jobs of pictures: the engine, the recipe and the sizes that the options ask for.
struct PictureMaker {
    let engine: GradientEngine
    let recipe: VisualizationRecipe
    let threads: Int
    private let units: [VisualizedUnit]
    private let seed: UInt64
    private let grid: (rows: Int, columns: Int)

    /// - Parameter side: of each picture in pixels.
    /// - Throws: `VitvideoError` where memory or the library is missing.
    init(
        _ command: Neuron, of units: [VisualizedUnit], _ model: Model, _ classifier: Classifier? = nil,
        side: Int
    ) throws {
        self.units = units
        let c = model.configuration
        recipe = command.recipe.recipe
        seed = command.recipe.seed
        grid = (side / c.patchSize, side / c.patchSize)
        threads = min(command.compute.threadCount, recipe.copies)
        let need = MemoryModel(c, rows: grid.rows, columns: grid.columns)
        try command.compute.checkMemory(
            threads * (units.map { need.pixelGradient($0.target) }.max() ?? 0), side: side)
        engine = try GradientEngine(
            model: model, classifier: classifier,
            blockCount: units.map { $0.target.blockCount(of: c) }.max() ?? c.depth,
            library: command.compute.backend, precision: command.compute.precision.value)
    }

    func job(outputs: [any VisualizationOutput], stop: StopRequest) -> VisualizationJob {
        VisualizationJob(
            engine: engine, units: units, recipe: recipe, seed: seed, grid: grid, threads: threads,
            outputs: outputs, stop: stop)
    }
}
