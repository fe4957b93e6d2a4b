import ArgumentParser
import Base
import Datasets
import Files
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

            The result is an ordinary checkpoint: vitvideo dog.mp4 --weights vit.safetensors -o out.mp4. The same \
            seed, data and precision give the same weights, whatever the number of threads.
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
        if probe != nil, let option = (output.given + optimization.given + augmentation.given).first {
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
        let engine = try TrainingEngine(
            shape, threads: threadCount,
            precision: TrainingEngine.choosePrecision(optimization.precision.value))
        let settings = optimization.settings(batchSize: prepared.recipe.batchSize)
        settings.initialization.fill(engine.parameters, engine.layout, seed: settings.seed)
        if let tuned { try engine.takeBackbone(of: tuned) }
        try train(engine, settings, prepared)
    }

    var threadCount: Int { threads ?? Allocation.current.cores }

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
    struct Prepared {
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
    func prepare(for model: Model?) throws -> Prepared {
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
}
