import ArgumentParser
import Base
import Datasets
import Files
import Glibc
import Pipeline
import Training
import ViT

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a small Vision Transformer, and watch attention come about.",
        usage: """
            vitvideo train <data> -o <file> [<options>]
            """,
        discussion: """
            The Keras example's small ViT on CIFAR-100, with shifted patches and locality self-attention:
            vitvideo train cifar-100-python.tar.gz --spt --lsa -o small.safetensors

            A folder of class folders, the curves, and what the heads attend to meanwhile:
            vitvideo train photos/ -o vit.safetensors --plot curves.svg --watch dog.png -o-watch watch.mp4

            Go on after an interruption:
            vitvideo train photos/ -o vit.safetensors --resume

            From a trained model, with a new classifier, or a classifier alone on its frozen features:
            vitvideo train photos/ --fine-tune dino_vits16 -o tuned.safetensors
            vitvideo train photos/ --probe dinov2_vits14 -o head.safetensors

            The result is an ordinary checkpoint: vitvideo dog.mp4 --weights vit.safetensors -o out.mp4. The same seed and \
            the same data give the same weights, whatever the number of threads.
            """)

    @OptionGroup(title: "Data") var data: TrainingDataOptions
    @OptionGroup(title: "Data") var augmentation: AugmentationOptions
    @OptionGroup(title: "Model") var model: TrainedModelOptions

    @Option(
        help: ArgumentHelp(
            "Go on from a trained model, plain and of whatever data, with a new classifier.",
            valueName: "model|file"))
    var fineTune: String?

    @Option(
        help: ArgumentHelp(
            "Fit a linear classifier on a model's frozen features, by logistic regression to convergence.",
            valueName: "model|file"))
    var probe: String?

    @OptionGroup(title: "Training") var optimization: OptimizationOptions
    @OptionGroup(title: "Output") var output: TrainingOutputOptions

    @Option(
        help: ArgumentHelp(
            "Threads that share a batch. (default: the cores that affinity mask, control groups and Slurm allot)",
            valueName: "n"))
    var threads: Int?

    @OptionGroup(title: "Running") var messages: MessageOptions

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
        if fineTune != nil, probe != nil {
            throw ValidationError("--fine-tune and --probe exclude each other")
        }
        if fineTune != nil || probe != nil, let option = model.given.first {
            throw ValidationError("\(option) is about a model made anew; leave it out")
        }
        if probe != nil, let option = output.given.first {
            throw ValidationError(
                "\(option) is about a run of steps, which --probe does not have; leave it out")
        }
    }

    func run() throws {
        try AtomicFile.check(output.output, overwrite: output.overwrite)
        if let probe { return try fitClassifier(on: try backbone(probe)) }
        let tuned = try fineTune.map(backbone)
        let prepared = try prepare(for: tuned)
        let shape =
            try tuned.map {
                try TrainedShape(
                    fineTuning: $0, side: prepared.recipe.augmentation.side, classes: prepared.classes)
            }
            ?? model.applied(
                to: optimization.recipe.shape(classes: prepared.classes),
                side: prepared.recipe.augmentation.side)
        let engine = try TrainingEngine(shape, threads: threadCount)
        let settings = optimization.settings(batchSize: prepared.recipe.batchSize)
        settings.initialization.fill(engine.parameters, engine.layout, seed: settings.seed)
        if let tuned { try engine.takeBackbone(of: tuned) }
        try train(engine, settings, prepared)
    }

    private var threadCount: Int { threads ?? Allocation.current.cores }

    /// A model by its name or file.
    private func backbone(_ name: String) throws -> Model {
        let option = FileSystem.exists(name) ? "--weights" : "--model"
        let options = try ModelOptions.parse([option, name])
        let model = try options.load(options.identity(of: nil))
        if !messages.quiet { ModelNotices.print(of: model, as: model.name) }
        return model
    }

    // MARK: Data

    /// Pictures divided and prepared.
    private struct Prepared {
        let recipe: DataRecipe
        let pictures: LabelledPictures
        let split: PictureSplit
        let normalization: Normalization

        var classes: Int { pictures.classNames.count }
        var validation: PictureBatches? {
            split.validation.isEmpty
                ? nil : .evaluation(pictures, places: split.validation, recipe, normalization)
        }
    }

    /// - Parameter model: whose pictures' size and normalization are taken where nobody says otherwise.
    private func prepare(for model: Model?) throws -> Prepared {
        var recipe: DataRecipe
        switch optimization.recipe {
        case .keras: recipe = .keras
        case .probingViTs: recipe = .probingVits
        }
        if let model {
            let c = model.configuration
            let native = min(c.nativeRows, c.nativeColumns) * c.patchSize
            let side = min(native, 224) / c.patchSize * c.patchSize
            (recipe.augmentation.side, recipe.augmentation.resizedSide) = (side, side)
            recipe.normalizing = .fixed(c.normalization)
        }
        recipe = try augmentation.applied(to: data.applied(to: recipe))
        let pictures = try data.open(recipe)
        let split = try data.split(pictures, recipe, seed: optimization.seed)
        if !messages.quiet {
            for warning in pictures.warnings { StandardError.line("vitvideo: warning: \(warning)") }
        }
        if messages.verbose {
            StandardError.line(
                "\(pictures.path): \(pictures.format.rawValue), \(pictures.classNames.count) classes, \(split.summary)"
            )
        }
        return Prepared(
            recipe: recipe, pictures: pictures, split: split,
            normalization: try pictures.normalization(recipe.normalizing, places: split.training))
    }

    // MARK: Steps

    private func train(
        _ engine: TrainingEngine, _ settings: TrainingSettings, _ prepared: Prepared
    ) throws {
        let (state, hasState) = (output.statePath, FileSystem.exists(output.statePath))
        if hasState, !output.resume, !output.overwrite {
            throw VitvideoError(
                .cannotCreate, cannot: "begin", path: output.output,
                reason: "\(state) is what an interrupted run has left",
                nextStep: .advice("go on with --resume, or begin anew with -y"))
        }
        let training = PictureBatches.training(
            prepared.pictures, places: prepared.split.training, prepared.recipe, prepared.normalization,
            seed: settings.seed)
        let steps = settings.epochs * training.batchCount
        let interval = output.interval(steps: steps)
        let watch = try output.watch.map { _ in
            try AttentionWatch(
                output.watched, shape: engine.shape, prepared.recipe.augmentation, prepared.normalization,
                looks: steps / interval + 1)
        }
        var options = TrainingRun.Options()
        options.statePath = state
        options.saveIntervalSeconds = Double(output.saveInterval)
        options.kept = optimization.keep
        options.loaderThreads = data.loaderThreads
        options.watchInterval = watch.map { _ in interval }
        let run = try TrainingRun(
            engine, settings: settings, training: training, validation: prepared.validation,
            dataIdentity: "\(try training.identity()) \(output.watched) \(watch == nil ? 0 : interval)",
            options: options,
            initializes: false)
        if output.resume {
            if hasState {
                try run.resume(from: state)
            } else if !messages.quiet {
                StandardError.line("vitvideo: note: there is no \(state); the run begins")
            }
        }

        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(
            stop: stop, notice: "keeping what there is for --resume", abort: temporaries.remove)
        let warnings = WarningList()
        let outputs = try output.makeOutputs(
            watch, shape: engine.shape, threads: threadCount, warnings: warnings)
        temporaries.add(outputs.flatMap(\.temporaryPaths))
        do {
            if messages.verbose { describe(engine, settings, steps: steps) }
            try follow(run, steps: steps, watch, stop)
            run.takeKept()
            try TrainedModelFile.write(
                engine, normalization: prepared.normalization, classNames: prepared.pictures.classNames,
                to: output.output)
            let course = TrainingCourse(
                run.history, batches: training.batchCount, epochs: settings.epochs,
                title: output.output.lastPathPart)
            for output in outputs { try output.finish(course) }
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
        _ = FileSystem.unlink(state)
        if !messages.quiet {
            warnings.print()
            report(run)
        }
    }

    private func describe(_ engine: TrainingEngine, _ settings: TrainingSettings, steps: Int) {
        let shape = engine.shape
        StandardError.line(
            "\(output.output): \(engine.layout.trainedCount) parameters, patch \(shape.patchSize), width \(shape.width), "
                + "\(shape.depth) layers of \(shape.heads) heads, \(steps) steps of \(settings.batchSize) pictures, "
                + "\(threadCount) threads and \(data.loaderThreads) that prepare pictures, the state every "
                + "\(output.saveInterval) s to \(output.statePath)")
    }

    private func follow(_ run: TrainingRun, steps: Int, _ watch: AttentionWatch?, _ stop: StopRequest) throws
    {
        let display = ProgressDisplay(
            style: messages.progressStyle, total: steps, kept: run.history.steps.count,
            unit: (name: "steps", rate: "a second"))
        defer { display.finish() }
        var accuracy = run.history.epochs.last?.validation?.top1Accuracy
        var observer = TrainingRun.Observer()
        observer.epoch = { _, epoch in accuracy = epoch.validation?.top1Accuracy }
        observer.step = { progress in
            var figures = [
                (name: "loss", value: progress.measures.meanLoss),
                (name: "accuracy", value: progress.measures.top1Accuracy),
            ]
            if let accuracy { figures.append((name: "validation_accuracy", value: accuracy)) }
            display.update(frames: progress.steps, lastFrame: progress.steps - 1, figures: figures)
        }
        if let watch { observer.watch = { [run] in try watch.look(run.history.looks.count, by: $1) } }
        do {
            try Cancellation.asking({ stop.isRequested }) { try run.run(observer) }
        } catch is Cancellation.Cancelled {
            throw VitvideoError(
                .interrupted,
                reason:
                    "interrupted after step \(run.trainer.steps) of \(steps); \(output.statePath) holds the run",
                nextStep: .advice("go on with the same command and --resume"))
        }
    }

    private func report(_ run: TrainingRun) {
        guard let last = run.history.epochs.last else { return }
        let epoch = optimization.keep == .best ? run.history.bestEpoch ?? 0 : run.history.epochs.count - 1
        let kept = run.history.epochs[epoch]
        var text = formatted("training loss %.4f", last.training.meanLoss)
        if let validation = kept.validation { text += "; " + Self.accuracies(validation) }
        if optimization.keep == .best { text += ", of epoch \(epoch + 1)" }
        StandardError.line("vitvideo: \(text)")
    }

    private static func accuracies(_ measures: Measures) -> String {
        formatted(
            "validation %.2f %% top-1, %.2f %% top-5", measures.top1Accuracy * 100,
            measures.top5Accuracy * 100)
    }

    // MARK: Frozen features

    private func fitClassifier(on model: Model) throws {
        let prepared = try prepare(for: model)
        let engine = try Engine(model: model)
        let reading = try FrozenFeatures.standard(for: model)
        let stop = StopRequest()
        Interruption.begin(stop: stop, notice: "ending")
        let training = PictureBatches.evaluation(
            prepared.pictures, places: prepared.split.training, prepared.recipe, prepared.normalization)
        let sources = [training] + [prepared.validation].compactMap(\.self)
        let display = ProgressDisplay(
            style: messages.progressStyle, total: sources.reduce(0) { $0 + $1.batchCount },
            unit: (name: "batches", rate: "a second"))
        do {
            try Cancellation.asking({ stop.isRequested }) {
                var done = 0
                let features = try {
                    defer { display.finish() }
                    return try sources.map { source in
                        let found = try FrozenFeatures(
                            of: source, by: engine, reading, threads: threadCount,
                            loaderThreads: data.loaderThreads
                        ) { display.update(frames: done + $0, lastFrame: done + $0 - 1) }
                        done += source.batchCount
                        return found
                    }
                }()
                let fit = try LogisticRegression().fit(features[0], classes: prepared.classes)
                try LogisticRegression.write(fit, classNames: prepared.pictures.classNames, to: output.output)
                guard !messages.quiet else { return }
                if !fit.isConverged {
                    StandardError.line(
                        "vitvideo: warning: the classifier has not converged after \(fit.iterations) iterations"
                    )
                }
                if features.count > 1 {
                    StandardError.line(
                        "vitvideo: \(Self.accuracies(try LogisticRegression.measure(fit, on: features[1])))")
                }
            }
        } catch is Cancellation.Cancelled {
            throw VitvideoError(.interrupted, reason: "interrupted; nothing was finished")
        }
    }
}
