import Base
import Datasets
import Files
import ViT

/// A run of training: epochs over batches, validation after each, its state on the disk.
///
/// A run that was interrupted and goes on from its state has the same weights in the end as one that was not: what a
/// step does depends on its number alone.
///
/// It belongs to one thread, which the engine's workers help.
package final class TrainingRun {
    /// Whose parameters the run gives in the end.
    package enum Kept: String, Sendable, CaseIterable {
        /// The last step's.
        case last
        /// Those of the epoch with the highest validation accuracy; the last where there are no validation pictures.
        case best
    }

    package struct Options: Sendable {
        /// The file that the run can go on from; nil for none.
        package var statePath: String?
        /// Seconds between two writings of the state.
        package var saveIntervalSeconds = 60.0
        package var kept = Kept.last
        /// Threads that make batches.
        package var loaderThreads = 1
        /// Batches that wait to be trained on.
        package var batchesAhead = 2
        /// Steps between two calls of `Observer.watch`; nil for none.
        package var watchInterval: Int?

        package init() {}
    }

    /// What a run tells; all calls come on its thread, between two steps.
    package struct Observer {
        package var step: (Progress) throws -> Void = { _ in }
        /// After an epoch and its validation: its number, from 0, and what it was.
        package var epoch: (Int, TrainingHistory.Epoch) throws -> Void = { _, _ in }
        /// Before the steps whose number is a multiple of the interval, and at the end: how many steps were taken, and the
        /// engine to ask for attention.
        ///
        /// - Returns: what is kept in the history, as many values each time.
        package var watch: (Int, TrainingEngine) throws -> [Float] = { _, _ in [] }

        package init() {}
    }

    package struct Progress: Sendable {
        /// From 0.
        package let epoch: Int
        package let epochs: Int
        /// Steps taken, and those of the whole run.
        package let steps: Int
        package let allSteps: Int
        package let step: Trainer.Step
        /// Of the epoch so far.
        package let measures: Measures
        /// Of this call of `run`, with loading and validation.
        package let picturesPerSecond: Double
    }

    package let trainer: Trainer
    package private(set) var history = TrainingHistory()
    private let training: any BatchSource
    private let validation: (any BatchSource)?
    private let options: Options
    private let identity: RunState.Identity
    private var best: [Float]?
    private var lastSaved = ContinuousClock.now

    package var engine: TrainingEngine { trainer.engine }

    // MARK: Beginning

    /// A run from freshly drawn parameters, or from those that the engine has.
    ///
    /// - Parameters:
    ///   - dataIdentity: what tells the pictures and how they are prepared from others.
    ///   - initializes: whether parameters are drawn; false where the engine has them.
    /// - Throws: `VitvideoError` of kind `usage` where settings or classes do not fit, `unavailable` where there is not
    ///   enough memory.
    package init(
        _ engine: TrainingEngine, settings: TrainingSettings, training: any BatchSource,
        validation: (any BatchSource)?, dataIdentity: String, options: Options, initializes: Bool = true
    ) throws {
        let settings = try settings.checked()
        guard training.classNames.count == engine.shape.classes else {
            throw VitvideoError(
                .usage,
                reason: "the model has \(engine.shape.classes) classes where the pictures have "
                    + "\(training.classNames.count)")
        }
        guard training.batchCount > 0 else {
            throw VitvideoError(.badData, reason: "there are no pictures to train on")
        }
        try Self.checkMemory(engine, settings)
        self.training = training
        self.validation = validation
        self.options = options
        trainer = Trainer(engine, settings: settings, batches: training.batchCount)
        identity = RunState.Identity(
            shape: engine.shape.json.json, settings: settings.json.json,
            precision: engine.precision.rawValue, data: dataIdentity, batches: training.batchCount)
        if initializes {
            settings.initialization.fill(engine.parameters, engine.layout, seed: settings.seed)
        }
    }

    private static func checkMemory(_ engine: TrainingEngine, _ settings: TrainingSettings) throws {
        let needed = TrainingEngine.byteCount(
            engine.shape, batch: settings.batchSize, threads: engine.pool.count)
        guard let available = Allocation.current.availableBytes(), needed > available else { return }
        throw VitvideoError(
            .unavailable,
            reason:
                "training in batches of \(settings.batchSize) takes about \(byteText(needed)) of memory, "
                + "of which \(byteText(available)) are free",
            nextStep: .advice("choose smaller batches, or a smaller model"))
    }

    /// Takes over the state that a run with the same model, settings and pictures has left.
    ///
    /// - Throws: `VitvideoError` where the file is no state, or another run's.
    package func resume(from path: String) throws {
        let state = try RunState(contentsOf: path, engine.layout, identity)
        let batches = training.batchCount
        let steps = state.history.steps.count
        guard
            (state.history.epochs.count * batches...(state.history.epochs.count + 1) * batches).contains(
                steps)
        else {
            throw VitvideoError(.badData, path: path, reason: "its steps and epochs contradict each other")
        }
        engine.parameters.start.update(from: state.parameters, count: state.parameters.count)
        trainer.optimizer.first.start.update(from: state.first, count: state.first.count)
        trainer.optimizer.second.start.update(from: state.second, count: state.second.count)
        trainer.optimizer.steps = steps
        history = state.history
        best = state.best
    }

    // MARK: Running

    /// Trains to the end.
    ///
    /// - Throws: `Cancellation.Cancelled`, with the state of the last step on the disk; `VitvideoError.lossNotFinite` with
    ///   the last state that was written before; `VitvideoError` where pictures cannot be read, the observer fails or the
    ///   state cannot be written.
    package func run(_ observer: Observer = Observer()) throws {
        do {
            try runEpochs(observer)
        } catch is Cancellation.Cancelled {
            try save()
            throw Cancellation.Cancelled()
        } catch {
            // What cannot be gone on from is not written over what can, but better than nothing.
            if let path = options.statePath, !FileSystem.exists(path) { try? save() }
            throw error
        }
        try save()
    }

    private func runEpochs(_ observer: Observer) throws {
        let (batches, epochs) = (training.batchCount, trainer.settings.epochs)
        let (position, start) = (trainer.steps.quotientAndRemainder(dividingBy: batches), ContinuousClock.now)
        let loader = BatchLoader(
            training, epoch: position.quotient, index: position.remainder, epochs: epochs,
            threads: options.loaderThreads, ahead: options.batchesAhead)
        defer { loader.stop() }
        var pictures = 0
        while history.epochs.count < epochs {
            let epoch = history.epochs.count
            while trainer.steps < (epoch + 1) * batches {
                try watch(observer)
                guard let loaded = try loader.next() else { throw Cancellation.Cancelled() }
                let step = try trainer.step(loaded.batch)
                pictures += loaded.batch.count
                history.current += step.measures
                history.steps.append(
                    .init(
                        loss: Float(step.measures.meanLoss), learningRate: step.learningRate,
                        gradientNorm: Float(step.gradientNorm)))
                let progress = Progress(
                    epoch: epoch, epochs: epochs, steps: trainer.steps, allSteps: epochs * batches,
                    step: step,
                    measures: history.current,
                    picturesPerSecond: Double(pictures)
                        / max((ContinuousClock.now - start) / .seconds(1), 1e-9))
                try observer.step(progress)
                try saveNowAndThen()
            }
            let record = TrainingHistory.Epoch(
                training: history.current, validation: try validation.map { try measure($0) })
            history.epochs.append(record)
            history.current = Measures()
            if options.kept == .best, history.bestEpoch == epoch { best = engine.parameters.values }
            try observer.epoch(epoch, record)
        }
        try watch(observer, isEnd: true)
    }

    private func watch(_ observer: Observer, isEnd: Bool = false) throws {
        guard let interval = options.watchInterval, interval > 0 else { return }
        // A resumed run may have looked there before.
        guard isEnd || trainer.steps % interval == 0, history.looks.last?.steps != trainer.steps else {
            return
        }
        history.looks.append(.init(steps: trainer.steps, values: try observer.watch(trainer.steps, engine)))
    }

    /// Loss and accuracy over all pictures of a source.
    ///
    /// - Throws: `VitvideoError` where pictures cannot be read, `Cancellation.Cancelled`.
    package func measure(_ source: any BatchSource) throws -> Measures {
        let loader = BatchLoader(
            source, epochs: 1, threads: options.loaderThreads, ahead: options.batchesAhead)
        defer { loader.stop() }
        var sum = Measures()
        while let loaded = try loader.next() { sum += try engine.measure(loaded.batch) }
        return sum
    }

    // MARK: Ending

    /// Puts the parameters into the engine that the options ask for.
    ///
    /// - Returns: the epoch that they are of, from 0; nil for the last step's.
    @discardableResult
    package func takeKept() -> Int? {
        guard options.kept == .best, let best, let epoch = history.bestEpoch else { return nil }
        engine.parameters.start.update(from: best, count: best.count)
        return epoch
    }

    /// Writes the state, where it has a place.
    ///
    /// - Throws: `VitvideoError` where it cannot be written; what was there stays then.
    package func save() throws {
        guard let path = options.statePath else { return }
        let state = RunState(
            parameters: engine.parameters.values, first: trainer.optimizer.first.values,
            second: trainer.optimizer.second.values, best: best, history: history)
        try state.write(to: path, identity)
        lastSaved = ContinuousClock.now
    }

    private func saveNowAndThen() throws {
        if (ContinuousClock.now - lastSaved) / .seconds(1) >= options.saveIntervalSeconds { try save() }
    }
}

extension FloatBuffer {
    /// A copy.
    var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }
}
