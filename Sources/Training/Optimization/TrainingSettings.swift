import Base
import Files

/// How a model is trained.
package struct TrainingSettings: Sendable, Hashable {
    /// The learning rate's course.
    package enum Schedule: Sendable, Hashable {
        case constant
        /// `LearningRateSchedule.warmUpCosine` over all steps of the run.
        ///
        /// - start: the first step's rate.
        /// - warmUpShare: of all steps, 0 to less than 1.
        case warmUpCosine(start: Float, warmUpShare: Double)
    }

    package var epochs: Int
    /// Pictures of a batch.
    package var batchSize: Int
    package var learningRate: Float
    package var schedule: Schedule
    package var optimizer: AdamWSettings
    package var loss: CrossEntropy
    package var dropout: DropoutRates
    package var initialization: Initialization
    package var seed: UInt64

    package init(
        epochs: Int, batchSize: Int, learningRate: Float, schedule: Schedule,
        optimizer: AdamWSettings = AdamWSettings(), loss: CrossEntropy = CrossEntropy(),
        dropout: DropoutRates = DropoutRates(), initialization: Initialization = .timm, seed: UInt64 = 0
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.schedule = schedule
        self.optimizer = optimizer
        self.loss = loss
        self.dropout = dropout
        self.initialization = initialization
        self.seed = seed
    }

    /// - Parameter batches: of an epoch.
    func schedule(batches: Int) -> LearningRateSchedule {
        switch schedule {
        case .constant: return .constant(learningRate)
        case .warmUpCosine(let start, let share):
            let steps = epochs * batches
            return .warmUpCosine(
                start: start, peak: learningRate, warmUpSteps: Int(Double(steps) * share), steps: steps)
        }
    }

    /// The settings themselves, where they make sense.
    ///
    /// - Throws: `VitvideoError` of kind `usage` naming the one that does not.
    package func checked() throws -> TrainingSettings {
        func require(_ condition: Bool, _ reason: String, _ advice: String) throws {
            if !condition { throw VitvideoError(.usage, reason: reason, nextStep: .advice(advice)) }
        }
        try require((1...1_000_000).contains(epochs), "there cannot be \(epochs) epochs", "choose at least 1")
        try require(
            (1...1 << 20).contains(batchSize), "a batch cannot have \(batchSize) pictures",
            "choose at least 1")
        try require(
            learningRate > 0 && learningRate.isFinite, "the learning rate cannot be \(learningRate)",
            "choose 0.001, or less")
        if case .warmUpCosine(let start, let share) = schedule {
            try require(
                start >= 0 && start <= learningRate, "the learning rate cannot warm up from \(start)",
                "choose a number from 0 to \(learningRate)")
            try require(
                share >= 0 && share < 1, "the learning rate cannot warm up in \(share) of all steps",
                "choose a share from 0 to less than 1")
        }
        let o = optimizer
        for (name, value) in [("beta1", o.beta1), ("beta2", o.beta2)] {
            try require(value >= 0 && value < 1, "AdamW's \(name) cannot be \(value)", "choose 0.9 and 0.999")
        }
        try require(
            o.epsilon > 0 && o.epsilon < 1, "AdamW's epsilon cannot be \(o.epsilon)", "choose 1e-8")
        try require(
            o.weightDecay >= 0 && o.weightDecay * learningRate < 1,
            "the weight decay cannot be \(o.weightDecay)", "choose a number from 0 to 1")
        if let clipping = o.clipping {
            try require(
                clipping > 0, "gradients cannot be clipped to \(clipping)", "choose 1, or leave it out")
        }
        try require(
            loss.labelSmoothing >= 0 && loss.labelSmoothing < 1,
            "labels cannot be smoothed by \(loss.labelSmoothing)", "choose 0.1")
        for (name, rate) in [
            ("tokens", dropout.tokens), ("attention", dropout.attention), ("projection", dropout.projection),
            ("feed-forward values", dropout.feedForward), ("classifier values", dropout.head),
        ] {
            try require(
                rate >= 0 && rate < 1, "the share \(rate) of \(name) cannot be dropped",
                "choose a share from 0 to less than 1")
        }
        return self
    }

    /// Everything that decides about a run's weights, as a resumed run must have it.
    package var json: JSONValue {
        func number(_ value: Float) -> JSONValue { .number(Double(value)) }
        let schedule: JSONValue =
            switch schedule {
            case .constant: .string("constant")
            case .warmUpCosine(let start, let share):
                .object([.init("start", number(start)), .init("warm_up_share", .number(share))])
            }
        return .object([
            .init("epochs", .integer(epochs)), .init("batch_size", .integer(batchSize)),
            .init("learning_rate", number(learningRate)), .init("schedule", schedule),
            .init("betas", .array([number(optimizer.beta1), number(optimizer.beta2)])),
            .init("epsilon", number(optimizer.epsilon)), .init("weight_decay", number(optimizer.weightDecay)),
            .init("decays", .string(optimizer.decayRule.rawValue)),
            .init("clipping", optimizer.clipping.map(number) ?? .null),
            .init("label_smoothing", number(loss.labelSmoothing)),
            .init(
                "dropout",
                .array(
                    [
                        dropout.tokens, dropout.attention, dropout.projection, dropout.feedForward,
                        dropout.head,
                    ].map(number))),
            .init("initialization", .string(initialization.rawValue)), .init("seed", .string("\(seed)")),
        ])
    }
}
