import Base
import ViT

// The words in which models are written: each adds one step, or a few that always go together.

extension Graph {
    // MARK: Layout

    package mutating func reshape(_ x: Value, _ sizes: [Int]) throws -> Value {
        let target = try Shape(sizes)
        if target == shape(x) { return x }
        return try apply(Reshape(shape(x), to: target), [x])
    }

    package mutating func transpose(_ x: Value, _ order: [Int]) throws -> Value {
        if order == Array(0..<shape(x).rank) { return x }
        return try apply(Transpose(shape(x), order: order), [x])
    }

    package mutating func slice(_ x: Value, axis: Int, from start: Int, count: Int, step: Int = 1) throws
        -> Value
    {
        let axis = try shape(x).axis(axis)
        if start == 0, step == 1, count == shape(x)[axis] { return x }
        return try apply(Slice(shape(x), axis: axis, start: start, count: count, step: step), [x])
    }

    /// Without an axis of 1, or of which one index is taken.
    package mutating func select(_ x: Value, axis: Int, _ index: Int) throws -> Value {
        let axis = try shape(x).axis(axis)
        let one = try slice(x, axis: axis, from: index, count: 1)
        var sizes = shape(one).sizes
        sizes.remove(at: axis)
        return try reshape(one, sizes)
    }

    package mutating func concat(_ inputs: [Value], axis: Int) throws -> Value {
        if inputs.count == 1 { return inputs[0] }
        let tokens = inputs.map { parameter($0).map { $0.contains { $0 != 0 } } ?? false }
        return try apply(Concat(inputs.map { shape($0) }, axis: axis, tokens: tokens), inputs)
    }

    /// Moves everything along an axis, what leaves at the end coming in at the beginning.
    package mutating func roll(_ x: Value, axis: Int, by shift: Int) throws -> Value {
        let length = shape(x)[try shape(x).axis(axis)]
        guard length > 0 else { return x }
        let shift = ((shift % length) + length) % length
        if shift == 0 { return x }
        return try concat(
            [
                slice(x, axis: axis, from: length - shift, count: shift),
                slice(x, axis: axis, from: 0, count: length - shift),
            ], axis: axis)
    }

    package mutating func pad(_ x: Value, before: [Int], after: [Int], value: Float = 0) throws -> Value {
        if before.allSatisfy({ $0 == 0 }), after.allSatisfy({ $0 == 0 }) { return x }
        return try apply(Pad(shape(x), before: before, after: after, value: value), [x])
    }

    /// Moves what is there, out[i] = x[i − by], and lets 0 come in.
    package mutating func shift(_ x: Value, by: [Int]) throws -> Value {
        if by.allSatisfy({ $0 == 0 }) { return x }
        return try apply(Shift(shape(x), by: by), [x])
    }

    package mutating func take(_ x: Value, axis: Int, _ indices: [Int]) throws -> Value {
        try apply(Take(shape(x), axis: axis, indices: indices), [x])
    }

    package mutating func expand(_ x: Value, to sizes: [Int]) throws -> Value {
        let expand = try Expand(shape(x), to: Shape(sizes))
        return expand.shape == shape(x) ? x : try apply(expand, [x])
    }

    // MARK: Arithmetic

    package mutating func unary(_ function: UnaryFunction, _ x: Value) throws -> Value {
        try apply(Unary(function, shape(x)), [x])
    }

    package mutating func binary(_ function: BinaryFunction, _ x: Value, _ y: Value) throws -> Value {
        try apply(Binary(function, shape(x), shape(y)), [x, y])
    }

    package mutating func add(_ x: Value, _ y: Value) throws -> Value { try binary(.add, x, y) }
    package mutating func multiply(_ x: Value, _ y: Value) throws -> Value { try binary(.multiply, x, y) }

    package mutating func multiply(_ x: Value, by factor: Float) throws -> Value {
        try multiply(x, addParameter([factor], Shape([])))
    }

    /// A matrix product; what only turns the second matrix round is made part of it.
    package mutating func matmul(_ x: Value, _ y: Value) throws -> Value {
        if let node = node(of: y), let turn = node.operation as? Transpose, turn.order.count >= 2 {
            // Where the other order of the last two axes leaves the last axis in place, a product reads it as it lies.
            var order = turn.order
            let rank = order.count
            order.swapAt(rank - 1, rank - 2)
            if order.last == rank - 1 {
                let turned = try transpose(node.inputs[0], order)
                return try apply(MatMul(shape(x), shape(turned), transposesY: true), [x, turned])
            }
        }
        return try apply(MatMul(shape(x), shape(y)), [x, y])
    }

    /// x·yᵀ of the last two axes.
    package mutating func matmul(_ x: Value, transposed y: Value, scale: Float = 1) throws -> Value {
        try apply(MatMul(shape(x), shape(y), transposesY: true, scale: scale), [x, y])
    }

    package mutating func softmax(_ x: Value, axis: Int = -1) throws -> Value {
        try apply(Softmax(shape(x), axis: axis), [x])
    }

    package mutating func layerNorm(
        _ x: Value, gamma: Value, beta: Value, axis: Int = -1, epsilon: Float
    ) throws -> Value {
        try apply(
            LayerNorm(shape(x), gamma: shape(gamma), beta: shape(beta), axis: axis, epsilon: epsilon),
            [x, gamma, beta])
    }

    package mutating func reduce(_ function: ReduceFunction, _ x: Value, axes: [Int]) throws -> Value {
        try apply(Reduce(function, shape(x), axes: axes), [x])
    }

    /// - Parameters:
    ///   - weight: out × in a group × kernel.
    ///   - padding: rows above, columns left, rows below, columns right.
    package mutating func convolution(
        _ x: Value, weight: Value, bias: Value?, stride: (Int, Int) = (1, 1),
        padding: (Int, Int, Int, Int) = (0, 0, 0, 0), dilations: (Int, Int) = (1, 1), groups: Int = 1
    ) throws -> Value {
        guard shape(weight).rank == 4, parameter(weight) != nil, bias.map({ parameter($0) != nil }) ?? true
        else {
            throw VitvideoError.badData("a convolution whose weights depend on the picture")
        }
        let window = Window2D(
            kernel: (shape(weight)[2], shape(weight)[3]), strides: stride, dilations: dilations,
            padding: padding)
        return try apply(
            Convolution(
                shape(x), weight: shape(weight), bias: bias.map { shape($0) }, window, groups: groups),
            [x, weight] + (bias.map { [$0] } ?? []))
    }
}
