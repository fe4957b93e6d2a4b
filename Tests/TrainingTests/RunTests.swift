import Base
import Checkpoints
import Files
import Fixtures
import Glibc
import Testing
import ViT

@testable import Datasets
@testable import Training

/// Runs: that they learn, go on exactly, and end well whatever happens.
@Suite struct RunTests {
    /// Pictures whose class is where a bright row lies.
    struct Rows: BatchSource {
        let classNames = ["top", "middle", "bottom"]
        let batchCount: Int
        var seed: UInt64 = 1
        /// From which batch on pixels are no numbers.
        var damagedFrom = Int.max

        func batch(epoch: Int, index: Int) throws -> TrainingBatch {
            var draw = SplitMix64(seed: seed, purpose: "rows", epoch, index)
            var pixels: [Float] = []
            var labels: [Int32] = []
            for _ in 0..<24 {
                let label = Int(draw.next() % 3)
                labels.append(Int32(label))
                for _ in 0..<3 {
                    for row in 0..<12 {
                        for _ in 0..<12 { pixels.append(0.5 * draw.normal() + (row / 4 == label ? 1 : 0)) }
                    }
                }
            }
            if epoch * batchCount + index >= damagedFrom { pixels[5] = .nan }
            return TrainingBatch(pixels: pixels, count: 24, side: 12, labels: labels, mixture: nil)
        }
    }

    static func shape() -> TrainedShape {
        TrainedShape(side: 12, patchSize: 4, width: 16, depth: 2, heads: 2, classes: 3)
    }

    static func settings(epochs: Int = 3) -> TrainingSettings {
        var optimizer = AdamWSettings()
        optimizer.clipping = 1
        return TrainingSettings(
            epochs: epochs, batchSize: 24, learningRate: 1e-2,
            schedule: .warmUpCosine(start: 0, warmUpShare: 0.1), optimizer: optimizer,
            dropout: DropoutRates(tokens: 0.1, attention: 0.1, feedForward: 0.1, head: 0.1),
            initialization: .keras, seed: 4)
    }

    static func makeRun(
        state: String? = nil, kept: TrainingRun.Kept = .last, source: Rows = Rows(batchCount: 20),
        settings: TrainingSettings = settings(), data: String = "rows", threads: Int = 2,
        precision: Precision = .float32
    ) throws -> TrainingRun {
        var options = TrainingRun.Options()
        options.statePath = state
        options.kept = kept
        return try TrainingRun(
            TrainingEngine(shape(), threads: threads, precision: precision), settings: settings,
            training: source, validation: Rows(batchCount: 3, seed: 2), dataIdentity: data, options: options)
    }

    static func bits(_ run: TrainingRun) -> [UInt32] {
        (0..<run.engine.layout.count).map { run.engine.parameters.start[$0].bitPattern }
    }

    @Test func learnsWhatCanBeLearned() throws {
        let run = try Self.makeRun(settings: Self.settings(epochs: 12))
        var seen: [Int] = []
        var observer = TrainingRun.Observer()
        observer.epoch = { epoch, _ in seen.append(epoch) }
        try run.run(observer)
        #expect(seen == Array(0..<12))
        #expect(run.history.steps.count == 240)
        let last = try #require(run.history.epochs.last?.validation)
        #expect(last.pictures == 72)
        #expect(last.top1Accuracy > 0.95, "\(last)")
        #expect(last.top5 == 72)
        #expect(run.history.steps[0].learningRate == 0)
    }

    @Test func weightsDependOnTheSeedAlone() throws {
        let runs = try [1, 2, 3].map { threads in
            let run = try Self.makeRun(settings: Self.settings(epochs: 1), threads: threads)
            try run.run()
            return Self.bits(run)
        }
        #expect(runs[0] == runs[1] && runs[0] == runs[2])
        var settings = Self.settings(epochs: 1)
        settings.seed = 5
        let other = try Self.makeRun(settings: settings)
        try other.run()
        #expect(Self.bits(other) != runs[0])
    }

    /// Given up after any number of steps, at the end of an epoch too, a run goes on as if it had not been.
    @Test(arguments: [1, 7, 19, 20, 21, 40, 59])
    func resumedRunIsTheUndividedOne(steps: Int) throws {
        let precision: Precision = steps == 7 ? .bfloat16 : .float32
        let whole = try Self.makeRun(kept: .best, precision: precision)
        try whole.run()

        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        let first = try Self.makeRun(state: state, kept: .best, precision: precision)
        var observer = TrainingRun.Observer()
        let isEnough = Mutex(false)
        observer.step = { progress in if progress.steps == steps { isEnough.withLock { $0 = true } } }
        #expect(throws: Cancellation.Cancelled.self) {
            try Cancellation.asking({ isEnough.withLock { $0 } }) { try first.run(observer) }
        }
        #expect(try directory.contents == ["state"])

        let second = try Self.makeRun(state: state, kept: .best, precision: precision)
        try second.resume(from: state)
        #expect(second.history.steps.count == steps)
        try second.run()
        #expect(Self.bits(second) == Self.bits(whole))
        #expect(second.history == whole.history)
        #expect(second.takeKept() == whole.takeKept())
        #expect(Self.bits(second) == Self.bits(whole))
    }

    @Test func otherRunsStateIsRefused() throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        let run = try Self.makeRun(state: state, settings: Self.settings(epochs: 1))
        try run.run()
        var settings = Self.settings(epochs: 1)
        settings.learningRate = 1e-3
        for (other, word) in [
            (try Self.makeRun(settings: settings), "settings"),
            (try Self.makeRun(settings: Self.settings(epochs: 1), data: "others"), "pictures"),
            (try Self.makeRun(settings: Self.settings(epochs: 1), precision: .bfloat16), "in fp32"),
        ] {
            let error = try #require(throws: VitvideoError.self) { try other.resume(from: state) }
            #expect(error.reason.contains(word) && error.nextStep != nil, "\(error)")
        }
        try Safetensors.write([("a", [1], [1])], to: directory.file("weights"))
        let error = try #require(throws: VitvideoError.self) {
            try Self.makeRun().resume(from: directory.file("weights"))
        }
        #expect(error.kind == .badData, "\(error)")
    }

    /// Whatever was done to a state's file, it is read or refused.
    @Test func damagedStatesAreRefused() throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        let run = try Self.makeRun(state: state, settings: Self.settings(epochs: 1))
        try run.run()
        let whole = try #require(FileSystem.contents(of: state))
        var draw = SplitMix64(seed: 12)
        var refused = 0
        for round in 0..<150 {
            var bytes = whole
            // In the header, most of the time, or cut short.
            if round % 5 == 0 {
                bytes.removeLast(1 + draw.below(bytes.count))
            } else {
                for _ in 0..<1 + round % 3 { bytes[draw.below(2000)] = UInt8(draw.below(256)) }
            }
            try directory.write(bytes, to: "damaged")
            let other = try Self.makeRun(settings: Self.settings(epochs: 1))
            do {
                try other.resume(from: directory.file("damaged"))
            } catch let error as VitvideoError {
                refused += 1
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(refused > 75)
    }

    /// A state that cannot be written ends the run with a line, and the one before stays.
    @Test func stateThatCannotBeWrittenIsAnError() throws {
        let directory = try TemporaryDirectory()
        let missing = directory.file("no-such-folder/state")
        let error = try #require(throws: VitvideoError.self) {
            try Self.makeRun(state: missing, settings: Self.settings(epochs: 1)).run()
        }
        #expect(error.kind == .cannotCreate && error.description.contains("no-such-folder"), "\(error)")
    }

    @Test func lossThatIsNoNumberEndsTheRun() throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        let run = try Self.makeRun(state: state, source: Rows(batchCount: 20, damagedFrom: 25))
        let error = try #require(throws: VitvideoError.self) { try run.run() }
        #expect("\(error)".contains("step 26") && "\(error)".contains("lower the learning rate"), "\(error)")
        #expect(run.history.steps.count == 25)
        #expect(run.engine.parameters.values.allSatisfy { $0.isFinite })
        let resumed = try Self.makeRun(state: state)
        try resumed.resume(from: state)
        #expect(resumed.history.steps.count == 25)
    }

    @Test func bestEpochIsKept() throws {
        let run = try Self.makeRun(kept: .best)
        try run.run()
        let best = try #require(run.history.bestEpoch)
        #expect(run.takeKept() == best)
        let measured = try run.measure(Rows(batchCount: 3, seed: 2))
        #expect(measured == run.history.epochs[best].validation)
    }

    @Test func watchedStepsAndAttention() throws {
        var options = TrainingRun.Options()
        options.watchInterval = 8
        let run = try TrainingRun(
            TrainingEngine(Self.shape(), threads: 2), settings: Self.settings(epochs: 1),
            training: Rows(batchCount: 20), validation: nil, dataIdentity: "", options: options)
        let picture = Array(try Rows(batchCount: 1).batch(epoch: 0, index: 0).pixels.prefix(432))
        var seen: [Int] = []
        var observer = TrainingRun.Observer()
        observer.watch = { step, engine in
            seen.append(step)
            let attention = try engine.attention(of: picture)
            #expect(attention.count == 2 && attention.allSatisfy { $0.count == 2 * 10 * 10 })
            for row in 0..<20 {
                let sum = attention[1][row * 10..<row * 10 + 10].reduce(0, +)
                #expect(abs(sum - 1) < 1e-5)
            }
            return [Float(step), attention[1][0]]
        }
        try run.run(observer)
        #expect(seen == [0, 8, 16, 20])
        #expect(run.history.looks.map(\.steps) == seen)
        #expect(run.history.looks.allSatisfy { $0.values.count == 2 && $0.values[0] == Float($0.steps) })
    }

    /// A head that attends to all alike, one whose tokens attend to themselves, one that looks at the class token, and one
    /// whose patches look at their neighbor to the right, the last of a row at itself.
    @Test func statisticsOfAttention() {
        let shape = TrainedShape(side: 12, patchSize: 4, width: 16, depth: 1, heads: 4, classes: 2)
        let tokens = shape.tokens
        var attention = [Float](repeating: 0, count: 4 * tokens * tokens)
        for token in 0..<tokens {
            func put(_ head: Int, _ other: Int, _ value: Float) {
                attention[(head * tokens + token) * tokens + other] = value
            }
            for other in 0..<tokens { put(0, other, 1 / Float(tokens)) }
            put(1, token, 1)
            put(2, 0, 1)
            put(3, token % 3 == 0 ? token : token + 1, 1)
        }
        let statistics = AttentionStatistics([attention], shape: shape)
        #expect(abs(statistics.entropyNats[0][0] - log(10)) < 1e-6)
        #expect(statistics.entropyNats[0].dropFirst() == [0, 0, 0])
        var sum = 0.0
        for i in 0..<9 {
            for j in 0..<9 { sum += 4 * hypot(Double(i / 3 - j / 3), Double(i % 3 - j % 3)) / 10 / 9 }
        }
        #expect(abs(statistics.distancePixels[0][0] - sum) < 1e-6)
        #expect(statistics.distancePixels[0][1] == 0 && statistics.distancePixels[0][2] == 0)
        #expect(abs(statistics.distancePixels[0][3] - 4.0 * 6 / 9) < 1e-9)
    }

    @Test func classesMustFit() throws {
        var shape = Self.shape()
        shape.classes = 4
        let error = try #require(throws: VitvideoError.self) {
            try TrainingRun(
                TrainingEngine(shape, threads: 1), settings: Self.settings(), training: Rows(batchCount: 1),
                validation: nil, dataIdentity: "", options: TrainingRun.Options())
        }
        #expect(error.kind == .usage)
        let engine = try TrainingEngine(Self.shape(), threads: 1)
        let batch = TrainingBatch(
            pixels: [Float](repeating: 0, count: 432), count: 1, side: 12, labels: [3], mixture: nil)
        #expect(throws: VitvideoError.self) {
            try engine.computeGradients(of: batch, loss: CrossEntropy())
        }
    }
}
