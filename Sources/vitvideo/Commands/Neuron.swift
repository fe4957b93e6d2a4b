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
        let maker: PictureMaker
        switch try model.loadAny(model.identity(of: nil)) {
        case .plain(let loaded):
            let side = try side(for: loaded)
            let classification = try units.classification(of: loaded, offline: model.offline)
            let chosen = try chosenUnits(loaded, classification, side: side)
            maker = try PictureMaker(self, of: chosen, loaded, classification?.0, side: side)
        case .graph(let loaded): maker = try PictureMaker(self, loaded)
        }
        let (recipe, threads, chosen, side) = (maker.recipe, maker.threads, maker.units, maker.side)

        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(stop: stop, notice: "finishing the step under way", abort: temporaries.remove)
        let warnings = WarningList()
        let outputs = try output.makeOutputs(
            chosen, recipe, height: side, width: side,
            meta: meta(maker), title: title(maker),
            threads: compute.threadCount, warnings: warnings)
        temporaries.add(outputs.flatMap(\.temporaryPaths))
        if !messages.quiet { ModelNotices.print(maker.notices, as: maker.name) }
        if messages.verbose {
            StandardError.line(
                "\(maker.name): \(chosen.count) picture\(chosen.count == 1 ? "" : "s") of \(side)×\(side), "
                    + "\(recipe.steps) steps of \(recipe.copies) copies, \(threads) threads, \(maker.computation)"
            )
            StandardError.line("\(maker.name): \(maker.reading)")
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
                    figures: [(name: "objective", value: Double(progress.step.objective))])
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

    private func title(_ maker: PictureMaker) -> String {
        let chosen = maker.units
        let names = chosen.prefix(4).map(\.name).joined(separator: ", ") + (chosen.count > 4 ? ", …" : "")
        return "\(units.target.rawValue) \(names) of \(maker.name)"
    }

    private func meta(_ maker: PictureMaker) -> Provenance {
        let recipe = maker.recipe
        var meta = maker.provenance
        meta.add(inputHeight: maker.side, inputWidth: maker.side)
        meta["target"] = .text(units.target.rawValue)
        meta["units"] = .texts(maker.units.map(\.name))
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
