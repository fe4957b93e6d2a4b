import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// The reverse pass against finite differences of the forward pass, which shares no code with it above the
/// kernels, on a grid larger than any tile and off the native one.
@Suite struct GradientCheckTests {
    static let grid = (rows: 17, columns: 19)

    /// How far the score is moved either way: small enough for the curvature not to show, large enough for
    /// single precision's rounding not to.
    static let change = 0.2
    static let tolerance = 2e-3

    static func input(_ model: Model) -> [Float] {
        let side = model.configuration.patchSize
        return KernelTests.values(3 * grid.rows * grid.columns * side * side, seed: 31, spread: 2)
    }

    static func patches(_ planes: [Float], _ model: Model) -> PatchMatrix {
        Preprocessor(configuration: model.configuration, resolution: .native)
            .patches(ofPlanes: planes, rows: grid.rows, columns: grid.columns)
    }

    /// The weights of `GradientTarget.tokens`: a sum over all tokens, so that every one has a gradient.
    static func weights(_ model: Model) -> [Float] {
        let c = model.configuration
        let tokens = c.specialTokens + grid.rows * grid.columns
        return KernelTests.values(tokens * c.width, seed: 32, spread: 1)
    }

    /// Σ weights ⊙ tokens in double precision.
    static func score(_ model: Model, _ planes: [Float]) throws -> Double {
        let result = try ForwardPass(model: model).run(
            patches(planes, model), ForwardRequest(attentionBlocks: [], wantsTokens: true))
        return zip(weights(model), result.tokens).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    static func gradients(_ model: Model, _ planes: [Float]) throws -> GradientResult {
        try BackwardPass(model: model).run(
            patches(planes, model),
            GradientRequest(
                target: .tokens(weights(model)), wantsInput: true, wantsParameters: true))
    }

    /// The relative error of the slope along the gradient's signs, where everything adds up.
    ///
    /// - Parameter score: the score with the values moved.
    static func error(
        of gradient: [Float], at values: [Float], change: Double = change, score: ([Float]) throws -> Double
    ) rethrows -> Double {
        let slope = gradient.reduce(0) { $0 + Double(abs($1)) }
        let ratios = try [change, 2 * change].map { change in
            let step = Float(change / slope)
            let ends = [step, -step].map { step in
                zip(values, gradient).map { $0 + ($1 < 0 ? -step : step) }
            }
            // How far the values really went: the step is not much more than their last digit.
            let expected = gradient.indices.reduce(0) {
                $0 + Double(gradient[$1]) * (Double(ends[0][$1]) - Double(ends[1][$1]))
            }
            return (try score(ends[0]) - score(ends[1])) / expected
        }
        // Richardson: the third derivative's part is four times as large at twice the step.
        return abs((4 * ratios[0] - ratios[1]) / 3 - 1)
    }

    @Test(arguments: Golden.names) func input(name: String) throws {
        let model = try Golden(name).model
        let planes = Self.input(model)
        let gradient = try Self.gradients(model, planes).input
        let error = try Self.error(of: gradient, at: planes) { try Self.score(model, $0) }
        print("\(name), input: \(error)")
        #expect(error < Self.tolerance)
    }

    /// One tensor after the other, the position table through its interpolation.
    @Test(arguments: Golden.names) func parameters(name: String) throws {
        let golden = try Golden(name)
        let planes = Self.input(golden.model)
        let gradients = try Self.gradients(golden.model, planes).parameters
        let file = try Checkpoint.open(Golden.path(name, "weights"))
        let tensors = try CanonicalNames.required(by: golden.model.configuration).map {
            (name: $0.name, shape: $0.shape, values: try file.floats($0.name))
        }
        let directory = try TemporaryDirectory()
        let path = directory.file("moved.safetensors")

        var worst: (name: String, error: Double) = ("", 0)
        for (index, tensor) in tensors.enumerated() where !tensor.name.hasPrefix("head") {
            let gradient = try #require(gradients[tensor.name])
            let error = try Self.error(of: gradient, at: tensor.values) { values in
                var all = tensors
                all[index].values = values
                try Safetensors.write(all, to: path)
                return try Self.score(Model.load(path, configuration: golden.model.configuration), planes)
            }
            if error > worst.error { worst = (tensor.name, error) }
            #expect(error < Self.tolerance, "\(name) \(tensor.name): \(error)")
        }
        print("\(name), parameters: \(worst)")
    }
}
