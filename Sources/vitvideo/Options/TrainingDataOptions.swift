import ArgumentParser
import Base
import Datasets
import ViT

/// What is trained on, and how it is divided.
struct TrainingDataOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            """
            A folder with a folder of pictures for each class, also within train, val and test; CIFAR-10 or CIFAR-100, binary \
            or Python version, unpacked or the published .tar.gz; or an npz of images and labels (images and labels, \
            x_train and y_train, train_images and train_labels, …).
            """, valueName: "data"))
    var data: String

    @Option(
        help: ArgumentHelp(
            """
            Pictures for validation: given, those that the data keep for it, else for a test, else a tenth of each class; a \
            share of each class, such as 0.2; last:0.1, the last of the pictures as Keras's validation_split takes them. \
            (default: the recipe's for CIFAR, given for other data)
            """, valueName: "given|share|last:share"))
    var validation: ValidationArgument?

    @Option(help: ArgumentHelp("Pictures of a batch. (default: the recipe's)", valueName: "n"))
    var batchSize: Int?

    @Flag(help: "Leave the pictures out of an epoch that do not fill a batch.")
    var dropLast = false

    @Option(
        help: ArgumentHelp(
            """
            What values are brought to: adapted, mean 0 and deviation 1 of each channel over the pictures that are trained \
            on; unit, 0 to 1; half, −1 to 1; imagenet, by ImageNet's statistics. (default: the recipe's)
            """, valueName: "name"))
    var normalization: NormalizationArgument?

    @Option(
        help: ArgumentHelp(
            """
            Memory for decoded pictures of files: 800M, 2G. Those beyond are decoded in every epoch. (default: a quarter of \
            what is left)
            """, valueName: "size"))
    var budgetPictures: MemorySize?

    @Option(help: ArgumentHelp("Threads that decode and augment beside those that train.", valueName: "n"))
    var loaderThreads: Int = 1

    @Flag(help: "Damaged pictures are an error; otherwise they are left out, named and counted.")
    var strict = false

    func validate() throws {
        guard (1...65_536).contains(batchSize ?? 1) else {
            throw ValidationError("--batch-size is 1 to 65536")
        }
        guard (1...64).contains(loaderThreads) else { throw ValidationError("--loader-threads is 1 to 64") }
    }

    /// A recipe with what was asked for instead.
    func applied(to recipe: DataRecipe) -> DataRecipe {
        var recipe = recipe
        if let batchSize { recipe.batchSize = batchSize }
        if let normalization { recipe.normalizing = normalization.value }
        if dropLast { recipe.dropsLast = true }
        return recipe
    }

    /// Reads the pictures for a recipe.
    ///
    /// - Throws: `VitvideoError`.
    func open(_ recipe: DataRecipe) throws -> LabelledPictures {
        try LabelledPictures.open(
            data,
            LabelledPictures.Options(
                shortSide: recipe.augmentation.resizedSide,
                budgetBytes: budgetPictures?.bytes ?? LabelledPictures.Options.standardBudgetBytes,
                isStrict: strict))
    }

    /// Divides the pictures.
    ///
    /// - Throws: `VitvideoError`.
    func split(_ pictures: LabelledPictures, _ recipe: DataRecipe, seed: UInt64) throws -> PictureSplit {
        try PictureSplit(
            pictures, validation?.rule ?? recipe.validation(of: pictures.format), seed: seed)
    }
}

/// `given`, `0.2` or `last:0.1`.
struct ValidationArgument: ExpressibleByArgument {
    let rule: ValidationRule

    init?(argument: String) {
        if argument == "given" {
            rule = .given
            return
        }
        let isLast = argument.hasPrefix("last:")
        guard let share = Double(isLast ? String(argument.dropFirst(5)) : argument), (0..<1).contains(share)
        else { return nil }
        rule = isLast ? .last(share) : .stratified(share)
    }
}

enum NormalizationArgument: String, ExpressibleByArgument, CaseIterable {
    case adapted, unit, half, imagenet

    var value: DataRecipe.Normalizing {
        switch self {
        case .adapted: .adapted
        case .unit: .fixed(.unit)
        case .half: .fixed(.half)
        case .imagenet: .fixed(.imageNet)
        }
    }
}
