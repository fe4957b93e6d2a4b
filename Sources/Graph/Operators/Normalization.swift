import Base
import CKernels
import Glibc
import ViT

/// y = softmax(x) along one axis: e^(x − max) / Σ e^(x − max).
///
///     dx += y ⊙ (dy − Σ dy ⊙ y)
struct Softmax: Operator {
    let name = "Softmax"
    let shape: Shape
    let axis: Int
    private let outer: Int
    private let length: Int
    private let inner: Int
    var overwrites: Bool { true }

    /// - Throws: `VitvideoError` of kind `badData` for an axis that is not there.
    init(_ x: Shape, axis: Int) throws {
        shape = x
        self.axis = try x.axis(axis)
        (outer, length) = (x.count(of: 0..<self.axis), x[self.axis])
        inner = x.count(of: self.axis + 1..<x.rank)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        if UnsafePointer(out) != inputs[0] { out.update(from: inputs[0], count: shape.count) }
        if inner == 1 {
            return try context.forRows(outer, width: length) { first, count in
                vv_softmax_rows(out + first * length, count, length, length, 1)
            }
        }
        forEachLine { start in
            var (largest, sum) = (-Float.infinity, Float(0))
            for i in 0..<length { largest = max(largest, out[start + i * inner]) }
            for i in 0..<length {
                let value = exp(out[start + i * inner] - largest)
                out[start + i * inner] = value
                sum += value
            }
            for i in 0..<length { out[start + i * inner] /= sum }
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let dx = gradients[0] else { return }
        let (y, dy) = (call.out, call.outGradient)
        forEachLine { start in
            var sum: Float = 0
            for i in 0..<length { sum += dy[start + i * inner] * y[start + i * inner] }
            for i in 0..<length {
                dx[start + i * inner] += y[start + i * inner] * (dy[start + i * inner] - sum)
            }
        }
    }

    @inline(__always)
    private func forEachLine(_ body: (_ start: Int) -> Void) {
        for o in 0..<outer { for i in 0..<inner { body(o * length * inner + i) } }
    }

    func places(_ inputs: [Places]) -> Places? { inputs[0] }
}

/// y = (x − mean) / √(variance + ε) ⊙ γ + β over the last axes; γ and β are the second and third input.
///
///     with n = (x − mean)/σ and h = dy ⊙ γ: dx += (h − mean(h) − n·mean(h ⊙ n)) / σ, dγ += Σ dy ⊙ n, dβ += Σ dy
struct LayerNorm: Operator {
    let name = "LayerNormalization"
    let shape: Shape
    let epsilon: Float
    private let axis: Int
    private let rows: Int
    private let width: Int
    var overwrites: Bool { true }

    /// - Parameter axis: the first of those that are normalized.
    /// - Throws: `VitvideoError` of kind `badData` where γ and β have not one value for each.
    init(_ x: Shape, gamma: Shape, beta: Shape, axis: Int = -1, epsilon: Float) throws {
        shape = x
        self.axis = try x.axis(axis)
        (rows, width) = (x.count(of: 0..<self.axis), x.count(of: self.axis..<x.rank))
        guard gamma.count == width, beta.count == width else {
            throw VitvideoError.badData("\(gamma) and \(beta) do not scale the last axes of \(x)")
        }
        self.epsilon = epsilon
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        try context.forRows(rows, width: width) { first, count in
            vv_layer_norm(
                out + first * width, inputs[0] + first * width, inputs[1], inputs[2], count, width, epsilon)
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) throws {
        let wantsParameters = gradients[1] != nil || gradients[2] != nil
        if let dx = gradients[0], !wantsParameters {
            return try context.forRows(rows, width: width) { first, count in
                vv_layer_norm_backward(
                    dx + first * width, nil, nil, call.outGradient + first * width,
                    call.inputs[0] + first * width, call.inputs[1], count, width, epsilon)
            }
        }
        // What is not wanted is computed beside what is.
        let unwanted = UnsafeMutablePointer<Float>.allocate(capacity: rows * width + 2 * width)
        unwanted.update(repeating: 0, count: rows * width + 2 * width)
        defer { unwanted.deallocate() }
        vv_layer_norm_backward(
            gradients[0] ?? unwanted, gradients[1] ?? unwanted + rows * width,
            gradients[2] ?? unwanted + rows * width + width, call.outGradient, call.inputs[0],
            call.inputs[1], rows, width, epsilon)
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { places in
            (axis..<shape.rank).reduce(places) { $0.union(along: $1) }
        }
    }
}

package enum ReduceFunction: String, Sendable {
    case sum = "ReduceSum"
    case mean = "ReduceMean"
    case maximum = "ReduceMax"
    case minimum = "ReduceMin"
    case norm = "ReduceL2"
    case sumOfSquares = "ReduceSumSquare"
}

/// y = a value of some axes: their sum, mean, largest, smallest, or the root of their squares' sum.
struct Reduce: Operator {
    let function: ReduceFunction
    /// With 1 for the axes that are gone.
    let shape: Shape
    private let axes: [Int]
    private let x: Shape
    private let size: Int
    private let lines: PairedLines
    var name: String { function.rawValue }

    /// - Throws: `VitvideoError` of kind `badData` for axes that are not there.
    init(_ function: ReduceFunction, _ x: Shape, axes: [Int]) throws {
        self.function = function
        self.x = x
        let axes = try axes.map { try x.axis($0) }
        self.axes = axes
        var sizes = x.sizes
        for axis in axes { sizes[axis] = 1 }
        shape = try Shape(sizes)
        size = axes.reduce(1) { $0 * x[$1] }
        lines = PairedLines(x, x, shape)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        let start: Float =
            switch function {
            case .maximum: -.infinity
            case .minimum: .infinity
            default: 0
            }
        out.update(repeating: start, count: shape.count)
        switch function {
        case .sum, .mean: accumulate(out, inputs[0]) { $0 + $1 }
        case .maximum: accumulate(out, inputs[0]) { max($0, $1) }
        case .minimum: accumulate(out, inputs[0]) { min($0, $1) }
        case .norm, .sumOfSquares: accumulate(out, inputs[0]) { $0 + $1 * $1 }
        }
        if function == .mean { for i in 0..<shape.count { out[i] /= Float(size) } }
        if function == .norm { for i in 0..<shape.count { out[i] = out[i].squareRoot() } }
    }

    @inline(__always)
    private func accumulate(
        _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ add: (Float, Float) -> Float
    ) {
        lines.forEach(0..<lines.count) { _, from, to in
            if lines.yStride == 0 {
                var value = out[to]
                for i in 0..<lines.length { value = add(value, x[from + i * lines.xStride]) }
                out[to] = value
            } else {
                for i in 0..<lines.length {
                    out[to + i * lines.yStride] = add(
                        out[to + i * lines.yStride], x[from + i * lines.xStride])
                }
            }
        }
    }

    /// dx += dy for a sum, dy/n for a mean, dy where x is the extreme, dy·x/y for the root, 2·dy·x for the squares.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let dx = gradients[0] else { return }
        let (x, y, dy) = (call.inputs[0], call.out, call.outGradient)
        lines.forEach(0..<lines.count) { _, from, to in
            for i in 0..<lines.length {
                let (at, of) = (from + i * lines.xStride, to + i * lines.yStride)
                switch function {
                case .sum: dx[at] += dy[of]
                case .mean: dx[at] += dy[of] / Float(size)
                case .maximum, .minimum: if x[at] == y[of] { dx[at] += dy[of] }
                case .norm: if y[of] > 0 { dx[at] += dy[of] * x[at] / y[of] }
                case .sumOfSquares: dx[at] += 2 * dy[of] * x[at]
                }
            }
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { places in axes.reduce(places) { $0.union(along: $1) } }
    }
}
