import ArgumentParser
import Base
import Datasets

/// How pictures are changed before a model is trained on them.
struct AugmentationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Side of the pictures that the model takes. (default: the recipe's)", valueName: "px"))
    var imageSize: Int?

    @Option(
        help: ArgumentHelp(
            """
            Side that pictures are resized to, of which a place drawn anew each time is cropped. (default: the recipe's, with \
            --image-size that)
            """, valueName: "px"))
    var cropFrom: Int?

    @Option(
        help: ArgumentHelp(
            "Black pixels about the resized picture, for the crop to take some.", valueName: "px"))
    var cropPadding: Int?

    @Flag(inversion: .prefixedNo, help: "Mirror every second picture. (default: the recipe's)")
    var flip: Bool?

    @Option(
        help: ArgumentHelp(
            "Turn pictures by up to so much of a whole turn, either way. (default: the recipe's)",
            valueName: "turns"))
    var rotation: Amount?

    @Option(
        help: ArgumentHelp(
            """
            Zoom pictures in height and width, each by a factor of up to so much above or below 1. (default: the recipe's)
            """, valueName: "share"))
    var zoom: Amount?

    @Option(
        help: ArgumentHelp(
            """
            Mix the pictures of a batch in pairs, their labels too, by a share of the distribution Beta(α, α); 0 for none. \
            (default: the recipe's)
            """, valueName: "α"))
    var mixup: Amount?

    @Flag(help: "Resize pictures and change nothing else, but for what other options name.")
    var noAugment = false

    func validate() throws {
        guard (1...4096).contains(imageSize ?? 1) else { throw ValidationError("--image-size is 1 to 4096") }
        guard (1...8192).contains(cropFrom ?? 1) else { throw ValidationError("--crop-from is 1 to 8192") }
        guard (0...1024).contains(cropPadding ?? 0) else {
            throw ValidationError("--crop-padding is 0 to 1024")
        }
        guard (0...0.5).contains(rotation?.value ?? 0) else {
            throw ValidationError("--rotation is 0 to 0.5")
        }
        guard (0..<1).contains(zoom?.value ?? 0) else {
            throw ValidationError("--zoom is at least 0, and below 1")
        }
        guard (0...100).contains(mixup?.value ?? 0) else { throw ValidationError("--mixup is 0 to 100") }
    }

    /// A recipe with what was asked for instead.
    ///
    /// - Throws: `ValidationError` where a crop is larger than what it is taken of.
    func applied(to recipe: DataRecipe) throws -> DataRecipe {
        var recipe = recipe
        var augmentation = recipe.augmentation
        if noAugment {
            augmentation = Augmentation(side: augmentation.side)
            recipe.mixup = nil
        }
        if let imageSize { (augmentation.side, augmentation.resizedSide) = (imageSize, imageSize) }
        if let cropFrom { augmentation.resizedSide = cropFrom }
        if let cropPadding { augmentation.padding = cropPadding }
        if let flip { augmentation.flips = flip }
        if let rotation { augmentation.rotation = rotation.float }
        if let zoom { augmentation.zoom = zoom.float }
        if let mixup { recipe.mixup = mixup.value > 0 ? Mixup(alpha: mixup.value) : nil }
        let available = augmentation.resizedSide + 2 * augmentation.padding
        guard available >= augmentation.side else {
            throw ValidationError(
                "a crop of \(augmentation.side) pixels does not fit into \(available); "
                    + "give --crop-from \(augmentation.side) or more")
        }
        recipe.augmentation = augmentation
        return recipe
    }

    /// The options that are about pictures to train on alone.
    var given: [String] {
        [
            ("--crop-from", cropFrom != nil), ("--crop-padding", cropPadding != nil), ("--flip", flip != nil),
            ("--rotation", rotation != nil), ("--zoom", zoom != nil), ("--mixup", mixup != nil),
            ("--no-augment", noAugment),
        ].filter(\.1).map(\.0)
    }
}
