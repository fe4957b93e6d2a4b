import Base
import Checkpoints
import Fixtures
import Testing
import ViT

@testable import Graph

/// Every operator against PyTorch (`golden_scripts/operators.py`) and against its own finite differences.
@Suite struct OperatorTests {
    /// Makes the operator of a case for inputs of some shapes.
    typealias Make = @Sendable ([Shape]) throws -> any Operator

    static func unary(_ function: UnaryFunction) -> Make { { Unary(function, $0[0]) } }
    static func binary(_ function: BinaryFunction) -> Make { { try Binary(function, $0[0], $0[1]) } }
    static func reduce(_ function: ReduceFunction, _ axes: [Int]) -> Make {
        { try Reduce(function, $0[0], axes: axes) }
    }
    static func convolution(_ window: Window2D, groups: Int = 1) -> Make {
        {
            var window = window
            window.kernel = ($0[1][2], $0[1][3])
            return try Convolution(
                $0[0], weight: $0[1], bias: $0.count > 2 ? $0[2] : nil, window, groups: groups)
        }
    }
    static func resize(_ mode: String, _ place: String, nearest: String = "floor") -> Make {
        { shapes in
            let (height, width) = mode == "nearest" ? (8, 10) : (7, 9)
            let across = try ResizeTaps(
                from: shapes[0][3], to: width, scale: Float(width) / Float(shapes[0][3]), mode: mode,
                place: place,
                nearest: nearest, cubic: -0.75, isAntialiased: false)
            let down = try ResizeTaps(
                from: shapes[0][2], to: height, scale: Float(height) / Float(shapes[0][2]), mode: mode,
                place: place,
                nearest: nearest, cubic: -0.75, isAntialiased: false)
            let first = try Resample(shapes[0], axis: 3, taps: across.taps)
            return Chain(first: first, second: try Resample(first.shape, axis: 2, taps: down.taps))
        }
    }

    static let makers: [String: Make] = [
        "negate": unary(.negate), "absolute": unary(.absolute), "exponential": unary(.exponential),
        "logarithm": unary(.logarithm), "square_root": unary(.squareRoot), "reciprocal": unary(.reciprocal),
        "sine": unary(.sine), "cosine": unary(.cosine), "error_function": unary(.errorFunction),
        "tanh": unary(.tanh), "sigmoid": unary(.sigmoid), "softplus": unary(.softplus), "relu": unary(.relu),
        "leaky_relu": unary(.leakyRelu(0.1)), "elu": unary(.elu(1)), "gelu": unary(.gelu),
        "gelu_tanh": unary(.geluTanh), "silu": unary(.silu),
        "hard_sigmoid": unary(.hardSigmoid(slope: 1 / 6, shift: 0.5)), "hard_swish": unary(.hardSwish),
        "clip": unary(.clip(-0.5, 0.7)), "cube": unary(.power(3)),
        "add": binary(.add), "add_row": binary(.add), "subtract_column": binary(.subtract),
        "multiply_outer": binary(.multiply), "multiply_number": binary(.multiply),
        "maximum": binary(.maximum),
        "minimum": binary(.minimum), "divide": binary(.divide), "power": binary(.power),
        "where": { shapes in
            try Where((0..<12).map { $0 % 3 == 0 }, Shape([3, 4]), shapes[0], shapes[1])
        },
        "reshape": { try Reshape($0[0], to: Shape([4, 6])) },
        "transpose": { try Transpose($0[0], order: [2, 0, 3, 1]) },
        "slice": { try Slice($0[0], axis: 1, start: 1, count: 3, step: 3) },
        "slice_backwards": { try Slice($0[0], axis: 1, start: 4, count: 5, step: -1) },
        "expand": { try Expand($0[0], to: Shape([2, 3, 4])) },
        "concat": { try Concat($0, axis: 1) },
        "pad": { try Pad($0[0], before: [0, 0, 1], after: [0, 3, 2], value: 0.5) },
        "crop": { try Pad($0[0], before: [0, -1], after: [0, 2]) },
        "take": { try Take($0[0], axis: 1, indices: [2, 0, -1, 1]) },
        "scatter": { try Scatter($0[0], starts: [45, 15], length: 5, updates: $0[1]) },
        "matmul": { try MatMul($0[0], $0[1]) }, "matmul_batches": { try MatMul($0[0], $0[1]) },
        "matmul_stretched": { try MatMul($0[0], $0[1]) },
        "matmul_transposed": { try MatMul($0[0], $0[1], transposesY: true, scale: 0.3) },
        "softmax": { try Softmax($0[0], axis: -1) }, "softmax_columns": { try Softmax($0[0], axis: 1) },
        "layer_norm": { try LayerNorm($0[0], gamma: $0[1], beta: $0[2], epsilon: 1e-5) },
        "layer_norm_planes": { try LayerNorm($0[0], gamma: $0[1], beta: $0[2], axis: 1, epsilon: 1e-3) },
        "reduce_sum": reduce(.sum, [0, 2]), "reduce_mean": reduce(.mean, [1, 2]),
        "reduce_maximum": reduce(.maximum, [1]), "reduce_minimum": reduce(.minimum, [0, 1]),
        "reduce_norm": reduce(.norm, [-1]), "reduce_squares": reduce(.sumOfSquares, [-1]),
        "convolution": convolution(Window2D(kernel: (3, 4), strides: (2, 3), padding: (1, 2, 1, 2))),
        "convolution_groups": convolution(
            Window2D(kernel: (3, 2), dilations: (2, 2), padding: (1, 1, 1, 1)), groups: 2),
        "convolution_depthwise": convolution(
            Window2D(kernel: (3, 3), strides: (2, 2), padding: (1, 1, 1, 1)), groups: 4),
        "convolution_pointwise": convolution(Window2D(kernel: (1, 1))),
        "maximum_pool": {
            try Pool(.maximum, $0[0], Window2D(kernel: (3, 3), strides: (2, 2), padding: (1, 1, 1, 1)))
        },
        "mean_pool": {
            try Pool(
                .mean(countsPadding: true), $0[0],
                Window2D(kernel: (2, 3), strides: (2, 3), padding: (1, 1, 1, 1)))
        },
        "mean_pool_inside": {
            try Pool(
                .mean(countsPadding: false), $0[0],
                Window2D(kernel: (3, 3), strides: (2, 2), padding: (1, 1, 1, 1)))
        },
        "mean_pool_rounded_up": {
            try Pool(
                .mean(countsPadding: false), $0[0], Window2D(kernel: (2, 2), strides: (2, 2)), roundsUp: true)
        },
        "resize_linear": resize("linear", "half_pixel"), "resize_cubic": resize("cubic", "half_pixel"),
        "resize_nearest": resize("nearest", "asymmetric"),
        "resize_corners": resize("linear", "align_corners"),
    ]

    static let goldens = Result { try Checkpoint.open(Fixtures.golden("graph/operators.safetensors").path) }

    @Test("there is an operator of every case")
    func completeness() throws {
        let cases = Set(
            try Self.goldens.get().names.compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(cases == Set(Self.makers.keys))
    }

    @Test("forward and backward as PyTorch", arguments: makers.keys.sorted())
    func agreesWithPyTorch(name: String) throws {
        let (goldens, make) = (try Self.goldens.get(), try #require(Self.makers[name]))
        let inputs = try (0..<3).compactMap { index -> ([Float], Shape)? in
            guard let description = goldens["\(name)/input\(index)"] else { return nil }
            return (try goldens.floats("\(name)/input\(index)"), try Shape(description.shape))
        }
        let operation = try make(inputs.map(\.1))
        #expect(operation.shape.sizes == goldens["\(name)/output"]?.shape)
        let run = try Run(operation, inputs.map(\.0), start: goldens.floats("\(name)/start"))
        #expect(relativeError(run.output, try goldens.floats("\(name)/output")) < 1e-5)
        for (index, gradient) in run.gradients.enumerated() where !(operation is Convolution) || index == 0 {
            #expect(
                relativeError(gradient, try goldens.floats("\(name)/gradient\(index)")) < 1e-4,
                "input \(index)")
        }
    }

    @Test("a gradient is what a small step makes", arguments: makers.keys.sorted())
    func finiteDifferences(name: String) throws {
        let (goldens, make) = (try Self.goldens.get(), try #require(Self.makers[name]))
        let names = (0..<3).map { "\(name)/input\($0)" }.filter { goldens[$0] != nil }
        let inputs = try names.map { try goldens.floats($0) }
        let operation = try make(names.map { try Shape(goldens[$0]?.shape ?? []) })
        let start = try goldens.floats("\(name)/start")
        let run = try Run(operation, inputs, start: start)
        var generator = SplitMix64(seed: 7)
        let direction = inputs[0].map { _ in Float.random(in: -1...1, using: &generator) }
        func score(_ step: Float) throws -> Double {
            var moved = inputs
            for i in direction.indices { moved[0][i] += step * direction[i] }
            let output = try Run(operation, moved, start: start).output
            return zip(output, start).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let step: Float = 1e-3
        let difference = (try score(step) - score(-step)) / Double(2 * step)
        let slope = zip(run.gradients[0], direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(difference - slope) < 0.02 * max(1, abs(slope)), "\(difference) and \(slope)")
    }

    /// A forward and a backward pass of one operator.
    struct Run {
        let output: [Float]
        let gradients: [[Float]]

        init(_ operation: any Operator, _ inputs: [[Float]], start: [Float]) throws {
            let context = try GraphContext()
            let values = inputs.map { UnsafeMutablePointer<Float>.allocate(capacity: max($0.count, 1)) }
            let slopes = inputs.map { UnsafeMutablePointer<Float>.allocate(capacity: max($0.count, 1)) }
            let out = UnsafeMutablePointer<Float>.allocate(capacity: operation.shape.count)
            defer {
                for pointer in values + slopes + [out] { pointer.deallocate() }
            }
            for (index, input) in inputs.enumerated() {
                values[index].initialize(from: input, count: input.count)
                // A gradient is added to what is there.
                slopes[index].initialize(repeating: 1, count: input.count)
            }
            out.initialize(repeating: .nan, count: operation.shape.count)
            try operation.forward(out, values.map { UnsafePointer($0) }, context)
            output = Array(UnsafeBufferPointer(start: out, count: operation.shape.count))
            try start.withUnsafeBufferPointer {
                try operation.backward(
                    slopes.map { $0 },
                    BackwardCall(
                        outGradient: $0.baseAddress!, out: out, inputs: values.map { UnsafePointer($0) }),
                    context)
            }
            gradients = zip(inputs, slopes).map { input, slope in (0..<input.count).map { slope[$0] - 1 } }
        }
    }

    /// Two operators of one input, one after the other.
    struct Chain: Operator {
        let first: Resample
        let second: Resample
        var name: String { "Resize" }
        var shape: Shape { second.shape }

        func forward(
            _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
        ) throws {
            let middle = UnsafeMutablePointer<Float>.allocate(capacity: first.shape.count)
            defer { middle.deallocate() }
            first.forward(middle, inputs, context)
            second.forward(out, [UnsafePointer(middle)], context)
        }

        func backward(
            _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
        ) throws {
            let slope = UnsafeMutablePointer<Float>.allocate(capacity: first.shape.count)
            defer { slope.deallocate() }
            slope.initialize(repeating: 0, count: first.shape.count)
            second.backward(
                [slope], BackwardCall(outGradient: call.outGradient, out: call.out, inputs: []), context)
            first.backward(
                gradients, BackwardCall(outGradient: UnsafePointer(slope), out: slope, inputs: []), context)
        }

        func places(_ inputs: [Places]) -> Places? { first.places(inputs).flatMap { second.places([$0]) } }
    }
}
