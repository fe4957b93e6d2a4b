import Base
import CKernels
import Glibc
import ViT

/// f and its slope.
package enum UnaryFunction: Sendable, Hashable {
    case negate, absolute, exponential, logarithm, squareRoot, reciprocal, sine, cosine, floor, ceiling
    case errorFunction, tanh, sigmoid, softplus
    /// max(x, 0), and with a slope below 0.
    case relu
    case leakyRelu(Float)
    case elu(Float)
    /// x · Φ(x)
    case gelu
    /// x · σ(linear·x + cubic·x³): the GELU by tanh, QuickGELU, SiLU.
    case logistic(linear: Float, cubic: Float)
    /// max(0, min(1, slope·x + shift)), and x times that.
    case hardSigmoid(slope: Float, shift: Float)
    case hardSwish
    case clip(Float, Float)
    /// x to a power.
    case power(Float)

    static let geluTanh = UnaryFunction.logistic(linear: 1.595_769_1, cubic: 0.071_354_814)
    static let silu = UnaryFunction.logistic(linear: 1, cubic: 0)

    @inline(__always)
    func value(_ x: Float) -> Float {
        switch self {
        case .negate: -x
        case .absolute: abs(x)
        case .exponential: exp(x)
        case .logarithm: log(x)
        case .squareRoot: x.squareRoot()
        case .reciprocal: 1 / x
        case .sine: sin(x)
        case .cosine: cos(x)
        case .floor: x.rounded(.down)
        case .ceiling: x.rounded(.up)
        case .errorFunction: erf(x)
        case .tanh: Glibc.tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .softplus: x > 20 ? x : log1p(exp(x))
        case .relu: max(x, 0)
        case .leakyRelu(let slope): x < 0 ? slope * x : x
        case .elu(let scale): x < 0 ? scale * expm1(x) : x
        case .gelu: x * 0.5 * (1 + erf(x * 0.707_106_77))
        case .logistic(let linear, let cubic): x / (1 + exp(-(linear * x + cubic * x * x * x)))
        case .hardSigmoid(let slope, let shift): max(0, min(1, slope * x + shift))
        case .hardSwish: x * max(0, min(1, x / 6 + 0.5))
        case .clip(let least, let most): max(least, min(most, x))
        case .power(let exponent): exponent == 2 ? x * x : pow(x, exponent)
        }
    }

    /// f'(x), with y = f(x).
    @inline(__always)
    func slope(_ x: Float, _ y: Float) -> Float {
        switch self {
        case .negate: return -1
        case .absolute: return x > 0 ? 1 : x < 0 ? -1 : 0
        case .exponential: return y
        case .logarithm: return 1 / x
        case .squareRoot: return 0.5 / y
        case .reciprocal: return -y * y
        case .sine: return cos(x)
        case .cosine: return -sin(x)
        case .floor, .ceiling: return 0
        case .errorFunction: return 1.128_379_2 * exp(-x * x)
        case .tanh: return 1 - y * y
        case .sigmoid: return y * (1 - y)
        case .softplus: return 1 / (1 + exp(-x))
        case .relu: return x > 0 ? 1 : 0
        case .leakyRelu(let slope): return x < 0 ? slope : 1
        case .elu(let scale): return x < 0 ? y + scale : 1
        case .gelu:
            return 0.5 * (1 + erf(x * 0.707_106_77)) + x * 0.398_942_28 * exp(-0.5 * x * x)
        case .logistic(let linear, let cubic):
            let share = 1 / (1 + exp(-(linear * x + cubic * x * x * x)))
            return share + x * share * (1 - share) * (linear + 3 * cubic * x * x)
        case .hardSigmoid(let slope, let shift):
            let inside = slope * x + shift
            return inside > 0 && inside < 1 ? slope : 0
        case .hardSwish: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5
        case .clip(let least, let most): return x >= least && x <= most ? 1 : 0
        case .power(let exponent): return exponent == 2 ? 2 * x : exponent * pow(x, exponent - 1)
        }
    }

    fileprivate var name: String {
        switch self {
        case .negate: "Neg"
        case .absolute: "Abs"
        case .exponential: "Exp"
        case .logarithm: "Log"
        case .squareRoot: "Sqrt"
        case .reciprocal: "Reciprocal"
        case .sine: "Sin"
        case .cosine: "Cos"
        case .floor: "Floor"
        case .ceiling: "Ceil"
        case .errorFunction: "Erf"
        case .tanh: "Tanh"
        case .sigmoid: "Sigmoid"
        case .softplus: "Softplus"
        case .relu: "Relu"
        case .leakyRelu: "LeakyRelu"
        case .elu: "Elu"
        case .gelu: "Gelu"
        case .logistic(_, let cubic): cubic == 0 ? "Swish" : "Gelu"
        case .hardSigmoid: "HardSigmoid"
        case .hardSwish: "HardSwish"
        case .clip: "Clip"
        case .power: "Pow"
        }
    }
}

/// y = f(x), value by value.
struct Unary: Operator {
    let function: UnaryFunction
    let shape: Shape
    var name: String { function.name }
    var overwrites: Bool { true }

    init(_ function: UnaryFunction, _ x: Shape) { (self.function, shape) = (function, x) }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        try context.forRows(shape.count, width: 1) { first, count in
            let (y, x) = (out + first, inputs[0] + first)
            switch function {
            case .gelu, .logistic:
                if UnsafePointer(y) != x { y.update(from: x, count: count) }
                Self.activate(y, count, function)
            case .relu: for i in 0..<count { y[i] = max(x[i], 0) }
            case .power(2): for i in 0..<count { y[i] = x[i] * x[i] }
            case .squareRoot: for i in 0..<count { y[i] = x[i].squareRoot() }
            default: for i in 0..<count { y[i] = function.value(x[i]) }
            }
        }
    }

    /// The kernels that add a bias to whole rows, without one.
    private static func activate(_ x: UnsafeMutablePointer<Float>, _ count: Int, _ function: UnaryFunction) {
        let width = 512
        let noBias = [Float](repeating: 0, count: width)
        func run(_ x: UnsafeMutablePointer<Float>, _ rows: Int, _ width: Int) {
            if case .logistic(let linear, let cubic) = function {
                vv_bias_logistic_gelu(
                    x, noBias, rows, width, vv_logistic_gelu(linear: linear, cubic: cubic))
            } else {
                vv_bias_gelu(x, noBias, rows, width)
            }
        }
        run(x, count / width, width)
        if count % width > 0 { run(x + count / width * width, 1, count % width) }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) throws {
        guard let gradient = gradients[0] else { return }
        try context.forRows(shape.count, width: 1) { first, count in
            for i in first..<first + count {
                gradient[i] += call.outGradient[i] * function.slope(call.inputs[0][i], call.out[i])
            }
        }
    }

    func places(_ inputs: [Places]) -> Places? { inputs[0] }
}

package enum BinaryFunction: String, Sendable {
    case add = "Add"
    case subtract = "Sub"
    case multiply = "Mul"
    case divide = "Div"
    case power = "Pow"
    case maximum = "Max"
    case minimum = "Min"
}

/// z = f(x, y), value by value, axes of 1 stretched.
struct Binary: Operator {
    let function: BinaryFunction
    let shape: Shape
    private let x: Shape
    private let y: Shape
    private let lines: PairedLines
    var name: String { function.rawValue }
    var overwrites: Bool { x == shape }

    /// - Throws: `VitvideoError` of kind `badData` where they do not fit together.
    init(_ function: BinaryFunction, _ x: Shape, _ y: Shape) throws {
        self.function = function
        shape = try Shape.broadcast(x, y)
        (self.x, self.y) = (x, y)
        lines = PairedLines(shape, x, y)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        switch function {
        case .add: try apply(out, inputs, context) { $0 + $1 }
        case .subtract: try apply(out, inputs, context) { $0 - $1 }
        case .multiply: try apply(out, inputs, context) { $0 * $1 }
        case .divide: try apply(out, inputs, context) { $0 / $1 }
        case .power: try apply(out, inputs, context) { pow($0, $1) }
        case .maximum: try apply(out, inputs, context) { max($0, $1) }
        case .minimum: try apply(out, inputs, context) { min($0, $1) }
        }
    }

    @inline(__always)
    private func apply(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext,
        _ f: (Float, Float) -> Float
    ) throws {
        try context.forRows(lines.count, width: lines.length) { first, count in
            lines.forEach(first..<first + count) { place, xStart, yStart in
                let (z, x, y) = (out + place, inputs[0] + xStart, inputs[1] + yStart)
                switch (lines.xStride, lines.yStride) {
                case (1, 1): for i in 0..<lines.length { z[i] = f(x[i], y[i]) }
                case (1, 0):
                    let y = y[0]
                    for i in 0..<lines.length { z[i] = f(x[i], y) }
                default:
                    for i in 0..<lines.length { z[i] = f(x[i * lines.xStride], y[i * lines.yStride]) }
                }
            }
        }
    }

    /// Of z = x + y: 1 and 1; x − y: 1 and −1; x·y: y and x; x / y: 1/y and −z/y; x^y: y·x^(y−1) and z·ln x; of the larger
    /// and the smaller: 1 for the one that is taken, half for each of two equal ones.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        switch function {
        case .add: spread(gradients, call) { g, _, _, _ in (g, g) }
        case .subtract: spread(gradients, call) { g, _, _, _ in (g, -g) }
        case .multiply: spread(gradients, call) { g, x, y, _ in (g * y, g * x) }
        case .divide: spread(gradients, call) { g, _, y, z in (g / y, -g * z / y) }
        case .power:
            spread(gradients, call) { g, x, y, z in (g * y * pow(x, y - 1), x > 0 ? g * z * log(x) : 0) }
        case .maximum:
            spread(gradients, call) { g, x, y, _ in x == y ? (g / 2, g / 2) : x > y ? (g, 0) : (0, g) }
        case .minimum:
            spread(gradients, call) { g, x, y, _ in x == y ? (g / 2, g / 2) : x < y ? (g, 0) : (0, g) }
        }
    }

    @inline(__always)
    private func spread(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall,
        _ slopes: (_ g: Float, _ x: Float, _ y: Float, _ z: Float) -> (Float, Float)
    ) {
        let (dx, dy) = (gradients[0], gradients[1])
        lines.forEach(0..<lines.count) { place, xStart, yStart in
            for i in 0..<lines.length {
                let (atX, atY) = (xStart + i * lines.xStride, yStart + i * lines.yStride)
                let (a, b) = slopes(
                    call.outGradient[place + i], call.inputs[0][atX], call.inputs[1][atY],
                    call.out[place + i])
                if let dx { dx[atX] += a }
                if let dy { dy[atY] += b }
            }
        }
    }

    func places(_ inputs: [Places]) -> Places? { Places.elementwise(inputs[0], inputs[1]) }
}

/// z = x where a condition that does not depend on the picture holds, else y.
struct Where: Operator {
    let name = "Where"
    let shape: Shape
    private let condition: [Bool]
    private let conditionLines: PairedLines
    private let lines: PairedLines

    /// - Throws: `VitvideoError` of kind `badData` where they do not fit together.
    init(_ condition: [Bool], _ conditionShape: Shape, _ x: Shape, _ y: Shape) throws {
        shape = try Shape.broadcast(Shape.broadcast(x, y), conditionShape)
        self.condition = condition
        lines = PairedLines(shape, x, y, isSplit: true)
        conditionLines = PairedLines(shape, conditionShape, conditionShape, isSplit: true)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        forEach { place, holds, x, y in out[place] = holds ? inputs[0][x] : inputs[1][y] }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        forEach { place, holds, x, y in
            if holds { gradients[0]?[x] += call.outGradient[place] }
            if !holds { gradients[1]?[y] += call.outGradient[place] }
        }
    }

    @inline(__always)
    private func forEach(_ body: (_ place: Int, _ holds: Bool, _ x: Int, _ y: Int) -> Void) {
        var starts: [Int] = []
        conditionLines.forEach(0..<conditionLines.count) { _, start, _ in starts.append(start) }
        var line = 0
        lines.forEach(0..<lines.count) { place, x, y in
            for i in 0..<lines.length {
                body(
                    place + i, condition[starts[line] + i * conditionLines.xStride], x + i * lines.xStride,
                    y + i * lines.yStride)
            }
            line += 1
        }
    }

    func places(_ inputs: [Places]) -> Places? { Places.elementwise(inputs[0], inputs[1]) }
}

/// How two tensors that are stretched to one shape are walked line by line.
struct PairedLines: Sendable {
    /// Values a line, and lines.
    let length: Int
    let count: Int
    let xStride: Int
    let yStride: Int
    private let sizes: [Int]
    private let xStrides: [Int]
    private let yStrides: [Int]

    /// - Parameter isSplit: whether a line is along the last axis and no longer.
    init(_ shape: Shape, _ x: Shape, _ y: Shape, isSplit: Bool = false) {
        let (ownX, ownY) = (x.strides(stretchedTo: shape), y.strides(stretchedTo: shape))
        var (sizes, xs, ys): ([Int], [Int], [Int]) = ([], [], [])
        for axis in 0..<shape.rank where shape[axis] != 1 || isSplit {
            if !isSplit, let last = sizes.indices.last, xs[last] == ownX[axis] * shape[axis],
                ys[last] == ownY[axis] * shape[axis]
            {
                sizes[last] *= shape[axis]
                (xs[last], ys[last]) = (ownX[axis], ownY[axis])
            } else {
                sizes.append(shape[axis])
                xs.append(ownX[axis])
                ys.append(ownY[axis])
            }
        }
        length = shape.count == 0 ? 0 : sizes.popLast() ?? 1
        xStride = xs.popLast() ?? 1
        yStride = ys.popLast() ?? 1
        count = length == 0 ? 0 : sizes.reduce(1, *)
        (self.sizes, xStrides, yStrides) = (sizes, xs, ys)
    }

    /// Calls `body` for some lines: where they begin in the stretched shape and in both tensors.
    @inline(__always)
    func forEach(_ lines: Range<Int>, _ body: (_ place: Int, _ x: Int, _ y: Int) -> Void) {
        for line in lines {
            var (rest, x, y) = (line, 0, 0)
            var axis = sizes.count - 1
            while axis >= 0 {
                let index = rest % sizes[axis]
                rest /= sizes[axis]
                x += index * xStrides[axis]
                y += index * yStrides[axis]
                axis -= 1
            }
            body(line * length, x, y)
        }
    }
}
