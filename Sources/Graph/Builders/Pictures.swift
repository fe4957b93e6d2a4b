import Base

// Pictures and convolutions of them, N × C × H × W.

extension ModelBuilder {
    /// Rows and columns of a convolution's kernel, which its weight tells.
    func kernel(_ name: String) throws -> (rows: Int, columns: Int) {
        let sizes = try weights.sizes(of: name + ".weight")
        guard sizes.count == 4, !sizes.contains(0) else { throw misshapen(name + ".weight") }
        return (sizes[2], sizes[3])
    }

    /// A convolution by `name.weight` and `name.bias`. Its groups are as many as the weight's channels go into the picture's.
    ///
    /// - Parameter isPadded: whether half a kernel of 0 is around the picture, which at a stride of 1 keeps its size.
    mutating func convolution(
        _ x: Value, _ name: String, stride: (rows: Int, columns: Int) = (1, 1), isPadded: Bool = false
    ) throws -> Value {
        let kernel = try kernel(name)
        let weight = try parameter(name + ".weight")
        let bias = try parameter(name + ".bias")
        let padding = isPadded ? (rows: kernel.rows / 2, columns: kernel.columns / 2) : (rows: 0, columns: 0)
        let (s, w) = (sizes(x), sizes(weight))
        guard s[1] % w[1] == 0, sizes(bias) == [w[0]] else { throw misshapen(name) }
        guard s[2] + 2 * padding.rows >= kernel.rows, s[3] + 2 * padding.columns >= kernel.columns else {
            throw tooSmall
        }
        return try graph.convolution(
            x, weight: weight, bias: bias, stride: stride,
            padding: (padding.rows, padding.columns, padding.rows, padding.columns), groups: s[1] / w[1])
    }

    /// Patches that lie side by side, as large as the kernel; what is left beyond the last whole one is not looked at.
    mutating func patches(_ x: Value, _ name: String) throws -> Value {
        try convolution(x, name, stride: kernel(name))
    }

    /// Each channel by itself: a value's neighborhood in a picture of the same size.
    mutating func neighborhood(_ x: Value, _ name: String) throws -> Value {
        let y = try convolution(x, name, isPadded: true)
        guard sizes(y) == sizes(x) else { throw misshapen(name + ".weight") }
        return y
    }

    /// 1 × C × H × W as 1 × H·W × C.
    mutating func tokens(_ x: Value) throws -> Value {
        let s = sizes(x)
        return try graph.transpose(graph.reshape(x, [s[0], s[1], s[2] * s[3]]), [0, 2, 1])
    }

    /// 1 × H·W × C as 1 × C × H × W.
    mutating func picture(_ x: Value, rows: Int, columns: Int) throws -> Value {
        let s = sizes(x)
        return try graph.reshape(graph.transpose(x, [0, 2, 1]), [s[0], s[2], rows, columns])
    }

    /// The model makes no whole patch of the picture, at some stage.
    var tooSmall: VitvideoError {
        let s = sizes(graph.picture)
        return VitvideoError(
            .usage, cannot: "use", path: weights.checkpoint.path,
            reason: "a picture of \(s[3])×\(s[2]) is too small for this model",
            nextStep: .advice("let it be larger"))
    }
}
