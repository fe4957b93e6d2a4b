import Base
import CKernels
import Fixtures
import Testing

@testable import ViT

/// Values of single units and their gradients by the pixels, against finite differences of `NaiveTransformer` for
/// every part in which families differ.
@Suite struct PixelGradientTests {
    typealias Twins = PartsTests.Twins

    /// A unit of each kind in each block, and what comes after the last.
    static func targets(_ c: Configuration) -> [ActivationTarget] {
        var targets: [ActivationTarget] = []
        for block in 0..<c.depth {
            targets.append(.neuron(NeuronAddress(block: block, index: 3 + 9 * block)))
            for projection in ActivationTarget.Projection.allCases {
                targets.append(.channels(projection, block: block, 4..<5))
                targets.append(.channels(projection, block: block, ofHead: 1, c))
            }
        }
        let vector = KernelTests.values(c.width, seed: 9, spread: 1)
        return targets + [.logit(1), .classToken(vector)]
    }

    /// The definition.
    static func value(_ trace: NaiveTransformer.Trace, _ target: ActivationTarget, _ c: Configuration)
        -> Double
    {
        func mean(_ rows: [[Double]], _ columns: Range<Int>) -> Double {
            let patches = rows[c.specialTokens...]
            return patches.flatMap { $0[columns] }.reduce(0, +) / Double(patches.count * columns.count)
        }
        switch target {
        case .neuron(let address): return mean(trace.hidden[address.block], address.index..<address.index + 1)
        case .channels(let projection, let block, let channels):
            let start = projection.rawValue * c.width
            return mean(trace.qkv[block], start + channels.lowerBound..<start + channels.upperBound)
        case .logit(let index): return trace.logits[index]
        case .classToken(let vector):
            return zip(vector, trace.norm[0]).reduce(0) { $0 + Double($1.0) * $1.1 }
        }
    }

    @Test(arguments: PartsTests.cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyTarget(_ item: PartsTests.Case, library: Engine.Library) throws {
        let twins = try Twins(item)
        let c = item.configuration
        let planes = twins.planes.map(Double.init)
        let trace = twins.trace()
        let targets = Self.targets(c)
        // Central differences of all targets at once.
        var slopes = [[Double]](repeating: [], count: targets.count)
        for i in planes.indices {
            let ends = [PartsTests.step, -PartsTests.step].map { step in
                var moved = planes
                moved[i] += step
                return twins.naive.run(moved)
            }
            for (index, target) in targets.enumerated() {
                slopes[index].append(
                    (Self.value(ends[0], target, c) - Self.value(ends[1], target, c)) / (2 * PartsTests.step))
            }
        }
        var worst: Float = 0
        for (target, expected) in zip(targets, slopes) {
            let engine = try GradientEngine(
                model: twins.model, blockCount: target.blockCount(of: c), library: library)
            for keepsInside in [true, false] {
                let gradient = try PixelGradient(
                    engine: engine, target: target, rows: item.grid.rows, columns: item.grid.columns,
                    keepsInside: keepsInside)
                let exact = Self.value(trace, target, c)
                #expect(
                    abs(Double(try gradient.value(of: twins.planes)) - exact) <= 1e-4 * max(0.1, abs(exact)))
                // The second run begins with what the first one has left.
                for _ in 0..<2 {
                    let result = try gradient.run(twins.planes)
                    #expect(abs(Double(result.value) - exact) <= 1e-4 * max(0.1, abs(exact)))
                    let error = PartsTests.error(result.gradient, expected)
                    worst = max(worst, error)
                    #expect(error <= 1e-4, "\(item.name), \(target): \(error)")
                }
            }
            #expect(expected.contains { abs($0) > 1e-3 }, "\(item.name), \(target) is flat")
        }
        print("\(item.name), \(library): \(worst)")
    }

    /// On a grid of more tokens than one tile and one strip hold; by `BackwardPass`, which shares the steps but
    /// neither the library nor what is kept.
    @Test(arguments: Golden.names) func manyTiles(name: String) throws {
        let model = try Golden(name).model
        let planes = GradientCheckTests.input(model)
        let vector = KernelTests.values(model.configuration.width, seed: 10, spread: 1)
        let expected = try BackwardPass(model: model, stripRows: 50).run(
            GradientCheckTests.patches(planes, model),
            GradientRequest(target: .classToken(vector), wantsInput: true))
        for library in [Engine.Library.openBLAS, .oneDNN, .own] {
            let found = try PixelGradient(
                engine: try GradientEngine(model: model, library: library), target: .classToken(vector),
                rows: GradientCheckTests.grid.rows, columns: GradientCheckTests.grid.columns
            ).run(planes)
            #expect(relativeError(found.gradient, expected.input) <= 1e-5)
            #expect(abs(found.value - expected.score) <= 1e-5 * abs(expected.score))
        }
    }

    /// Rounding shows, and no more than that.
    @Test(.enabled(if: vv_cpu_has_bfloat16()), arguments: Golden.names) func inBFloat16(name: String) throws {
        let model = try Golden(name).model
        let planes = GradientCheckTests.input(model)
        let vector = KernelTests.values(model.configuration.width, seed: 11, spread: 1)
        func run(_ precision: Precision?) throws -> PixelGradient.Result {
            let engine = try GradientEngine(model: model, library: .oneDNN, precision: precision)
            #expect(engine.precision == precision ?? .bfloat16)
            return try PixelGradient(
                engine: engine, target: .classToken(vector), rows: GradientCheckTests.grid.rows,
                columns: GradientCheckTests.grid.columns
            ).run(planes)
        }
        let (exact, found) = (try run(.float32), try run(.bfloat16))
        func square(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }
        let difference = zip(found.gradient, exact.gradient).map { $0 - $1 }
        let error = (square(difference) / square(exact.gradient)).squareRoot()
        print("\(name), bf16: \(error), \(found.value) for \(exact.value)")
        #expect(error > 1e-4 && error < 0.1)
        #expect(found.value != exact.value && abs(found.value - exact.value) < 0.02 * Float(vector.count))
        #expect(try run(nil).gradient == found.gradient)
    }

    @Test func precisionsWithoutGradientsAreRefused() throws {
        let model = try Golden("plain").model
        for (library, precision) in [(Engine.Library.openBLAS, Precision.bfloat16), (.oneDNN, .int8)] {
            let error = try #require(throws: VitvideoError.self) {
                try GradientEngine(model: model, library: library, precision: precision)
            }
            #expect(error == .precisionUnavailable(precision.rawValue, error.reason))
        }
        #expect(try GradientEngine(model: model, library: .openBLAS, precision: nil).precision == .float32)
    }

    @Test func whatTheModelDoesNotHaveIsAnError() throws {
        let model = try Golden("plain").model
        let engine = try GradientEngine(model: model)
        func make(_ target: ActivationTarget) throws {
            _ = try PixelGradient(engine: engine, target: target, rows: 2, columns: 2)
        }
        let neurons = NeuronAddress.Units(name: "neuron", count: 96)
        #expect(throws: VitvideoError.noSuchNeuron(96, block: 1, neurons)) {
            try make(.neuron(NeuronAddress(block: 1, index: 96)))
        }
        #expect(throws: VitvideoError.noSuchBlock(3, depth: 3)) {
            try make(.neuron(NeuronAddress(block: 3, index: 0)))
        }
        let channels = NeuronAddress.Units(name: "channel", count: 24)
        #expect(throws: VitvideoError.noSuchNeuron(24, block: 0, channels)) {
            try make(.channels(.key, block: 0, 20..<25))
        }
        #expect(throws: VitvideoError.noClassifier(model: "plain.weights.safetensors")) {
            try make(.logit(0))
        }
        #expect(throws: VitvideoError.wrongGradientLength(2, expected: 24)) { try make(.classToken([1, 2])) }
    }

    @Test func tilesAreEven() {
        func sizes(_ rows: Int, most: Int) -> [Int] { RowTiles(rows: rows, most: most).map(\.count) }
        #expect(sizes(257, most: 256) == [129, 128])
        #expect(sizes(256, most: 256) == [256])
        #expect(sizes(5, most: 2) == [2, 2, 1])
        #expect(sizes(1, most: 64) == [1])
        for rows in 1...70 {
            for most in 1...20 {
                let tiles = Array(RowTiles(rows: rows, most: most))
                #expect(tiles.map(\.count).reduce(0, +) == rows)
                #expect(tiles.allSatisfy { $0.count >= 1 && $0.count <= most })
            }
        }
    }
}
