import ViT

/// Settings of published training scripts.
package enum Recipe: String, Sendable, CaseIterable {
    /// The Keras example "Train a Vision Transformer on small datasets" (`vit_small_ds`): its model without shifted
    /// patches and locality self-attention, which it has as well and which are the shape's own settings.
    ///
    /// The example builds a warm-up with cosine and does not use it; here it is used.
    case keras
    /// `small_datasets/train_cifar10.py` of probing-vits, with its standard `--classifier token`. Differences: its fixed
    /// positions are those of a row of patches and not of a grid; its mean is of tokens after the final norm and not
    /// before it; its AdamW (TensorFlow Addons) decays weights by the rate itself and not by its product with the learning
    /// rate.
    case probingViTs = "probing-vits"

    package func shape(classes: Int) -> TrainedShape {
        switch self {
        case .keras:
            var shape = TrainedShape(
                side: 72, patchSize: 6, width: 64, depth: 8, heads: 4, headWidth: 64, feedForwardWidth: 128,
                classes: classes)
            shape.reading = .flattened(hidden: [2048, 1024])
            shape.hasClassToken = false
            shape.activatesOutput = true
            return shape
        case .probingViTs:
            return TrainedShape(
                side: 48, patchSize: 4, width: 128, depth: 6, heads: 4, headWidth: 128, feedForwardWidth: 512,
                classes: classes)
        }
    }

    /// - Parameter leavesOutSchedule: whether the learning rate stays what it is, as in the Keras example, which builds a
    ///   schedule and forgets it.
    package func settings(leavesOutSchedule: Bool = false) -> TrainingSettings {
        var optimizer = AdamWSettings()
        optimizer.weightDecay = 1e-4
        optimizer.decayRule = .all
        optimizer.epsilon = 1e-7
        switch self {
        case .keras:
            return TrainingSettings(
                epochs: 50, batchSize: 256, learningRate: 1e-3,
                schedule: leavesOutSchedule ? .constant : .warmUpCosine(start: 0, warmUpShare: 0.1),
                optimizer: optimizer, dropout: DropoutRates(attention: 0.1, feedForward: 0.1, head: 0.5),
                initialization: .keras, seed: 42)
        case .probingViTs:
            return TrainingSettings(
                epochs: 100, batchSize: 256, learningRate: 1e-3,
                schedule: leavesOutSchedule ? .constant : .warmUpCosine(start: 1e-5, warmUpShare: 0.15),
                optimizer: optimizer,
                dropout: DropoutRates(tokens: 0.2, attention: 0.2, projection: 0.2, feedForward: 0.2),
                initialization: .probingViTs, seed: 42)
        }
    }
}
