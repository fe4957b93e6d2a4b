import ArgumentParser
import Base
import Files
import Methods
import Pipeline
import Pixels
import Probing
import ViT
import VideoIO

/// `vitvideo neuron --examples`: the frames that excite neurons, instead of pictures made for them.
extension Neuron {
    /// - Throws: `ValidationError` for what does not go with --examples.
    func validateExamples() throws {
        guard units.target == .neuron else {
            throw ValidationError("--examples looks at neurons; leave --target out")
        }
        guard units.units.isEmpty != (examples.layer == nil) else {
            throw ValidationError(
                units.units.isEmpty
                    ? "no neuron is given; write LAYER:NEURON, or --layer N to rank a layer's"
                    : "--layer ranks all neurons of a layer; leave the others out")
        }
        let stray = [
            ("--export", output.export != nil), ("--plot", output.plot != nil),
            ("--sheet", output.sheet != nil),
        ].first(where: \.1)
        if let stray { throw ValidationError("\(stray.0) does not go with --examples") }
        if examples.layer == nil {
            guard let path = output.output, path.pathExtension != "png" else { return }
            throw ValidationError("\(path): examples stand on one picture; name a .png")
        }
        if output.output == nil { throw ValidationError("nothing to write; give -o DIRECTORY") }
        if output.stats != nil {
            throw ValidationError("--stats does not go with --layer, whose directory holds neurons.csv")
        }
    }

    func runExamples() throws {
        let paths = try examples.paths()
        let loaded = try model.load(model.identity(of: nil))
        let neurons =
            try units.units.isEmpty
            ? [] : NeuronAddress.list(units.units.joined(separator: ","), of: loaded.configuration)
        let block = try examples.layer.map { try loaded.block(at: $0) }
        let probed = ProbedModel(loaded, resolution: model.resolution(for: loaded))
        let stop = StopRequest()
        let skipped = WarningList()
        let search = ExampleSearch(
            probed,
            engine: try Engine(
                model: loaded, library: compute.backend, precision: compute.precision.value ?? .float32),
            paths: paths, workers: compute.threadCount, threadsPerFrame: 1,
            availableBytes: compute.availableBytes, allowsHugeFrames: examples.allowHugeFrames, stop: stop,
            onSkip: { skipped.add("left out: \(($0 as? VitvideoError)?.line { $0.words } ?? "\($0)")") })
        let display = ProgressDisplay(
            style: messages.progressStyle, total: nil, unit: (name: "frames", rate: "a second"))
        let progress = { (frames: Int) in display.update(frames: frames, lastFrame: frames - 1) }
        if !messages.quiet { ModelNotices.print(of: loaded, as: loaded.name) }

        // Also before the error that nothing could be used.
        defer { if !messages.quiet { skipped.print() } }
        let outcome: ExampleJob.Outcome
        if let block {
            let job = try RankingJob(
                search, block: block, shown: examples.show, count: examples.top ?? 3,
                apartSeconds: examples.apart.value, path: output.output ?? "", overwrite: output.overwrite)
            Interruption.begin(stop: stop, notice: "finishing the frames under way") {
                [path = job.temporaryPath] in OutputDirectory.removeUnfinished(path)
            }
            defer { display.finish() }
            outcome = try job.run(progress: progress) {
                try optimized($0, of: loaded, stop: stop, display)
            }
        } else {
            let job = try ExampleJob(
                search, neurons: neurons, count: examples.top ?? 9, apartSeconds: examples.apart.value,
                sheet: output.output, table: output.stats, overwrite: output.overwrite)
            let temporaries = TemporaryFiles()
            temporaries.add(job.temporaryPaths)
            Interruption.begin(
                stop: stop, notice: "finishing the frames under way", abort: temporaries.remove)
            defer { display.finish() }
            outcome = try job.run(progress: progress)
        }
        if case .interrupted(let paths) = outcome {
            throw VitvideoError(
                .interrupted,
                reason: "interrupted; "
                    + (paths.isEmpty
                        ? "nothing was finished" : "what was found is in \(paths.joined(separator: ", "))"))
        }
    }

    /// Pictures that excite the neurons most; nil for those that were not begun.
    private func optimized(
        _ neurons: [NeuronAddress], of model: Model, stop: StopRequest, _ display: ProgressDisplay
    ) throws -> [RGBImage?] {
        let chosen = neurons.map { VisualizedUnit(name: "\($0)", target: .neuron($0), layer: $0.block) }
        let maker = try PictureMaker(self, of: chosen, model, side: try side(for: model))
        let pictures = PictureCollector(count: neurons.count)
        _ = try maker.job(outputs: [pictures], stop: stop).run { progress in
            display.update(frames: progress.steps, lastFrame: progress.step.index)
        }
        return pictures.images
    }
}

/// Keeps the finished pictures.
private final class PictureCollector: VisualizationOutput {
    private(set) var images: [RGBImage?]
    let temporaryPaths: [String] = []

    init(count: Int) { images = Array(repeating: nil, count: count) }

    func add(_ feature: VisualizedFeature, unit: Int) { images[unit] = feature.image }
    func finish() {}
    func finishPartial() -> String? { nil }
    func abandon() {}
}
