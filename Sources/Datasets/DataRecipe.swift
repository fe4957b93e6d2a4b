import ViT

/// How the data of a training run are prepared.
package struct DataRecipe: Sendable, Hashable {
    /// What the values of pictures are brought to.
    package enum Normalizing: Sendable, Hashable {
        /// Mean 0 and deviation 1 of each channel, over the pictures that are trained on.
        case adapted
        case fixed(Normalization)
    }

    package var augmentation: Augmentation
    package var normalizing: Normalizing
    /// For CIFAR; see `validation(of:)`.
    package var validation: ValidationRule
    package var batchSize: Int
    /// Whether the pictures that do not fill a batch are left out of an epoch.
    package var dropsLast = false
    /// Nil where pictures are not mixed.
    package var mixup: Mixup?

    package init(
        augmentation: Augmentation, normalizing: Normalizing, validation: ValidationRule, batchSize: Int
    ) {
        self.augmentation = augmentation
        self.normalizing = normalizing
        self.validation = validation
        self.batchSize = batchSize
    }

    /// The Keras example `vit_small_ds`: CIFAR-100's last tenth for validation, its test part for a test. The example adapts
    /// its normalization to the pictures for validation as well.
    package static let keras = DataRecipe(
        augmentation: .keras, normalizing: .adapted, validation: .last(0.1), batchSize: 256)

    /// probing-vits' `train_cifar10.py`: CIFAR-10's last fifth for validation, its test part for a test; values in 0…1.
    package static let probingVits = DataRecipe(
        augmentation: .probingVits, normalizing: .fixed(.unit), validation: .last(0.2), batchSize: 256)

    /// What validation is taken from where nothing else is asked for: the recipes were written for CIFAR, whose pictures are
    /// in no order; the last pictures of a folder are all of one class.
    package func validation(of format: LabelledPictures.Format) -> ValidationRule {
        switch format {
        case .cifar10, .cifar100: validation
        case .classFolders, .arrays: .given
        }
    }
}
