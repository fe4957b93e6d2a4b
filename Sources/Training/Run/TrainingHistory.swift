/// What a run was like so far, for its curves: it is kept with the run's state, so that a resumed run's are whole.
package struct TrainingHistory: Sendable, Equatable {
    package struct Step: Sendable, Equatable {
        /// Mean over the batch's pictures.
        package let loss: Float
        package let learningRate: Float
        /// The norm of all gradients before clipping.
        package let gradientNorm: Float
    }

    package struct Epoch: Sendable, Equatable {
        /// Over the epoch's batches, as they were trained on: augmented, with dropout, each with the parameters of its
        /// step.
        package let training: Measures
        /// After the epoch, without dropout; nil without validation pictures.
        package let validation: Measures?
    }

    /// What whoever watches the run noted.
    package struct Look: Sendable, Equatable {
        /// Steps taken before.
        package let steps: Int
        /// As many in each look.
        package let values: [Float]
    }

    package internal(set) var steps: [Step] = []
    package internal(set) var epochs: [Epoch] = []
    /// Of the epoch that has not ended yet.
    package internal(set) var current = Measures()
    package internal(set) var looks: [Look] = []

    package init() {}

    /// The epoch with the highest validation accuracy, of equal ones the one with the lowest loss, then the first; nil
    /// without validation pictures.
    package var bestEpoch: Int? {
        epochs.indices.filter { epochs[$0].validation != nil }.min { a, b in
            guard let a = epochs[a].validation, let b = epochs[b].validation else { return false }
            return (b.top1Accuracy, a.meanLoss) < (a.top1Accuracy, b.meanLoss)
        }
    }
}
