import Base
import Datasets
import Files
import Pipeline
import Training

/// A run of steps.
extension Train {
    func train(
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
                + "\(shape.depth) layers of \(shape.heads) heads, \(steps) steps of \(settings.batchSize) pictures "
                + "in \(engine.precision.rawValue), "
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

    static func accuracies(_ measures: Measures) -> String {
        formatted(
            "validation %.2f %% top-1, %.2f %% top-5", measures.top1Accuracy * 100,
            measures.top5Accuracy * 100)
    }
}
