import Fixtures
import Testing

@testable import Training

/// The forward and backward pass against PyTorch's.
@Suite struct GradientTests {
    /// With products by the own kernels and by OpenBLAS.
    @Test(arguments: TrainingGolden.names, [ProductKernel.float32, nil])
    func gradientsOfAllParametersAreAutograds(name: String, kernel: ProductKernel?) throws {
        let golden = try TrainingGolden(name)
        let engine = try golden.makeEngine(kernel)
        let measures = try engine.computeGradients(
            of: golden.batch(seed: 5, count: 40), loss: golden.loss, dropout: golden.rates, seed: 77, step: 3)
        let expectedLoss = try #require(try golden.values.floats("loss").first)
        #expect(abs(Float(measures.meanLoss) - expectedLoss) < 1e-5 * expectedLoss)
        var largest: Float = 0
        for parameter in engine.layout.parameters {
            let expected = try golden.values.floats("gradient/" + parameter.name)
            let found = (0..<parameter.count).map { engine.gradients.start[parameter.offset + $0] }
            let error = relativeError(found, expected)
            largest = max(largest, error)
            #expect(error < 1e-4, "\(parameter.name)")
        }
        print("\(name): gradients within \(largest) of autograd's")
        let names = golden.values.names.filter { $0.hasPrefix("gradient/") }
        #expect(names.count == engine.layout.parameters.count)
    }

    @Test(arguments: TrainingGolden.names)
    func lossOfAHundredStepsIsPyTorchs(name: String) throws {
        let golden = try TrainingGolden(name)
        let engine = try golden.makeEngine()
        var optimizer = AdamWSettings()
        optimizer.weightDecay = 0.05
        optimizer.clipping = 1
        let settings = TrainingSettings(
            epochs: 1, batchSize: 16, learningRate: 3e-3,
            schedule: .warmUpCosine(start: 1e-5, warmUpShare: 0.1), optimizer: optimizer, loss: golden.loss,
            dropout: golden.rates, seed: 9)
        let trainer = Trainer(engine, settings: settings, batches: 100)
        let (losses, norms) = (try golden.values.floats("losses"), try golden.values.floats("norms"))
        let rates = try golden.values.floats("rates")
        var largest: Float = 0
        for number in 0..<100 {
            let step = try trainer.step(golden.batch(seed: 1000 + UInt64(number), count: 16))
            #expect(abs(step.learningRate - rates[number]) < 1e-9, "step \(number)")
            let difference = abs(Float(step.measures.meanLoss) - losses[number])
            #expect(difference < 1e-4, "step \(number)")
            #expect(abs(Float(step.gradientNorm) - norms[number]) < 1e-3 * norms[number], "step \(number)")
            largest = max(largest, difference)
        }
        print("\(name): the loss of 100 steps within \(largest)")
        #expect(losses[99] < losses[0] - 0.1)
    }

    /// With factors rounded to bfloat16: as near as eight bits of a factor let them be, and no nearer.
    @Test(arguments: TrainingGolden.names)
    func gradientsInBfloat16AreNearAutograds(name: String) throws {
        let golden = try TrainingGolden(name)
        let engine = try golden.makeEngine(.bfloat16)
        #expect(engine.precision == .bfloat16)
        let measures = try engine.computeGradients(
            of: golden.batch(seed: 5, count: 40), loss: golden.loss, dropout: golden.rates, seed: 77, step: 3)
        let expectedLoss = try #require(try golden.values.floats("loss").first)
        #expect(abs(Float(measures.meanLoss) - expectedLoss) < 5e-3 * expectedLoss)
        let expected = try engine.layout.parameters.flatMap {
            try golden.values.floats("gradient/" + $0.name)
        }
        let error = relativeError(
            engine.layout.parameters.flatMap { parameter in
                (0..<parameter.count).map { engine.gradients.start[parameter.offset + $0] }
            }, expected)
        print("\(name): gradients in bf16 within \(error) of autograd's")
        #expect(error > 1e-4)
        #expect(error < 3e-2)
    }

    @Test(arguments: TrainingGolden.names, [ProductKernel.float32, .bfloat16])
    func gradientsDependOnNoThread(name: String, kernel: ProductKernel) throws {
        let golden = try TrainingGolden(name)
        let gradients = try [1, 2, 5].map { threads in
            let engine = try golden.makeEngine(threads: threads, kernel)
            _ = try engine.computeGradients(
                of: golden.batch(seed: 5, count: 40), loss: golden.loss, dropout: golden.rates, seed: 1,
                step: 0)
            return (0..<engine.layout.count).map { engine.gradients.start[$0].bitPattern }
        }
        #expect(gradients[1] == gradients[0])
        #expect(gradients[2] == gradients[0])
    }
}
