import ArgumentParser
import Base
import Training

extension Recipe: ExpressibleByArgument {}
extension WeightDecayRule: ExpressibleByArgument {}
extension TrainingRun.Kept: ExpressibleByArgument {}

/// How a model is trained.
struct OptimizationOptions: ParsableArguments {
    enum Schedule: String, ExpressibleByArgument, CaseIterable {
        case cosine, constant
    }

    enum Compatibility: String, ExpressibleByArgument, CaseIterable {
        case keras
    }

    @Option(
        help: """
            Whose settings stand where no option says otherwise: those of the Keras example of small ViTs, or of probing-vits' \
            script.
            """)
    var recipe: Recipe = .keras

    @Option(
        help: """
            Repeat a quirk: the Keras example makes a warm-up with cosine and leaves the learning rate constant.
            """)
    var compat: Compatibility?

    @Option(
        help: ArgumentHelp(
            "Times that all pictures are gone through. (default: the recipe's)", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Learning rate at its highest. (default: the recipe's)", valueName: "rate"))
    var learningRate: Amount?

    @Option(help: "The learning rate's course after the warm-up. (default: cosine)")
    var schedule: Schedule?

    @Option(
        help: ArgumentHelp(
            "Share of all steps in which the learning rate warms up. (default: the recipe's)",
            valueName: "share"))
    var warmUp: Amount?

    @Option(help: ArgumentHelp("AdamW's weight decay. (default: the recipe's)", valueName: "rate"))
    var weightDecay: Amount?

    @Option(help: "What decays: all parameters, or the weights of linear layers. (default: all)")
    var decay: WeightDecayRule?

    @Option(
        help: ArgumentHelp("The norm that gradients are scaled down to. (default: none)", valueName: "norm"))
    var clip: Amount?

    @Option(help: ArgumentHelp("Share of the target that all classes have.", valueName: "share"))
    var labelSmoothing: Amount?

    @Option(
        help: ArgumentHelp(
            "Share of values that is dropped in blocks. (default: the recipe's)", valueName: "share"))
    var dropout: Amount?

    @Option(
        help: ArgumentHelp(
            "Share of values that is dropped in the classifier. (default: the recipe's)", valueName: "share"))
    var headDropout: Amount?

    @Option(
        help: ArgumentHelp(
            """
            Number format of the factors of products; sums, gradients and weights are fp32. auto is bf16 on CPUs that have \
            it natively.
            """, valueName: "format"))
    var precision: GradientComputeOptions.PrecisionArgument = .auto

    @Option(help: "The weights that are written: of the last step, or of the best epoch in validation.")
    var keep: TrainingRun.Kept = .last

    @Option(help: ArgumentHelp("Seed of everything that is drawn.", valueName: "n"))
    var seed: UInt64 = 42

    func validate() throws {
        guard (1...100_000).contains(epochs ?? 1) else { throw ValidationError("--epochs is 1 to 100000") }
        if schedule == .constant, warmUp != nil {
            throw ValidationError("--schedule constant goes without --warm-up")
        }
        if compat != nil, schedule == .cosine || warmUp != nil {
            throw ValidationError(
                "--compat keras leaves the learning rate constant; leave it or the schedule out")
        }
        if compat == .keras, recipe != .keras {
            throw ValidationError("--compat keras is a quirk of --recipe keras")
        }
    }

    /// The options that are about steps.
    var given: [String] {
        [
            ("--compat", compat != nil), ("--epochs", epochs != nil),
            ("--learning-rate", learningRate != nil),
            ("--schedule", schedule != nil), ("--warm-up", warmUp != nil),
            ("--weight-decay", weightDecay != nil), ("--decay", decay != nil), ("--clip", clip != nil),
            ("--label-smoothing", labelSmoothing != nil), ("--dropout", dropout != nil),
            ("--head-dropout", headDropout != nil), ("--precision", precision != .auto),
        ].filter(\.1).map(\.0)
    }

    /// - Parameter batchSize: nil for the recipe's.
    func settings(batchSize: Int?) -> TrainingSettings {
        var settings = recipe.settings(leavesOutSchedule: compat == .keras)
        if let epochs { settings.epochs = epochs }
        if let batchSize { settings.batchSize = batchSize }
        if let learningRate { settings.learningRate = learningRate.float }
        if schedule == .constant { settings.schedule = .constant }
        if let warmUp, case .warmUpCosine(let start, _) = settings.schedule {
            settings.schedule = .warmUpCosine(start: start, warmUpShare: warmUp.value)
        }
        if case .warmUpCosine(let start, let share) = settings.schedule, start > settings.learningRate {
            settings.schedule = .warmUpCosine(start: 0, warmUpShare: share)
        }
        if let weightDecay { settings.optimizer.weightDecay = weightDecay.float }
        if let decay { settings.optimizer.decayRule = decay }
        if let clip { settings.optimizer.clipping = clip.float }
        if let labelSmoothing { settings.loss.labelSmoothing = labelSmoothing.float }
        if let dropout {
            let rates = settings.dropout
            func replaced(_ rate: Float) -> Float { rate > 0 ? dropout.float : 0 }
            settings.dropout = DropoutRates(
                tokens: replaced(rates.tokens), attention: replaced(rates.attention),
                projection: replaced(rates.projection), feedForward: replaced(rates.feedForward),
                head: rates.head)
        }
        if let headDropout { settings.dropout.head = headDropout.float }
        settings.seed = seed
        return settings
    }
}
