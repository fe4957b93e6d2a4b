import Base
import ViT

/// An operator that only moves values: each value of the output is one of the input's.
///
/// Forward it gathers, backward it adds to where it gathered from, and places move as the values do.
protocol ViewOperator: Operator {
    var view: StridedView { get }
    func places(_ places: PlaceTensor) -> PlaceTensor
}

extension ViewOperator {
    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        view.gather(out, from: inputs[0])
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let gradient = gradients[0] else { return }
        view.add(gradient, call.outGradient)
    }

    func places(_ inputs: [Places]) -> Places? { inputs[0].map { places($0) } }
}

/// y[i₀, i₁, …] = x with its axes in another order: y's axis k is x's axis `order[k]`.
struct Transpose: ViewOperator {
    let name = "Transpose"
    let shape: Shape
    let order: [Int]
    let view: StridedView

    /// - Throws: `VitvideoError` of kind `badData` for what is no order of the axes.
    init(_ x: Shape, order: [Int]) throws {
        guard order.sorted() == Array(0..<x.rank) else {
            throw VitvideoError.badData("\(order) is no order of \(x.rank) axes")
        }
        self.order = order
        shape = try Shape(order.map { x[$0] })
        let strides = x.strides
        view = StridedView(sizes: shape.sizes, strides: order.map { strides[$0] })
    }

    func places(_ places: PlaceTensor) -> PlaceTensor {
        let strides = places.strides
        return places.viewed(sizes: order.map { places.sizes[$0] }, strides: order.map { strides[$0] })
    }
}

/// y = x[…, start : : step, …] along one axis, `count` of them; a negative step goes backwards.
struct Slice: ViewOperator {
    let name = "Slice"
    let shape: Shape
    let view: StridedView
    private let axis: Int
    private let start: Int
    private let step: Int

    /// - Throws: `VitvideoError` of kind `badData` where it reaches beyond the axis.
    init(_ x: Shape, axis: Int, start: Int, count: Int, step: Int = 1) throws {
        let axis = try x.axis(axis)
        guard count >= 0, step != 0,
            count == 0
                || (0..<x[axis]).contains(start)
                    && (0..<x[axis]).contains(start + (count - 1) * step)
        else {
            throw VitvideoError.badData("\(count) values from \(start) on are not in an axis of \(x[axis])")
        }
        (self.axis, self.start, self.step) = (axis, start, step)
        shape = try x.replacing(axis, by: count)
        var strides = x.strides
        let offset = count == 0 ? 0 : start * strides[axis]
        strides[axis] *= step
        view = StridedView(offset: offset, sizes: shape.sizes, strides: strides)
    }

    func places(_ places: PlaceTensor) -> PlaceTensor {
        places.varies(along: axis)
            ? places.sliced(axis: axis, from: start, count: shape[axis], step: step) : places
    }
}

/// y = x, axes of 1 stretched to a shape.
struct Expand: ViewOperator {
    let name = "Expand"
    let shape: Shape
    let view: StridedView

    /// - Throws: `VitvideoError` of kind `badData` where they do not fit.
    init(_ x: Shape, to target: Shape) throws {
        shape = try Shape.broadcast(x, target)
        view = StridedView(sizes: shape.sizes, strides: x.strides(stretchedTo: shape))
    }

    func places(_ places: PlaceTensor) -> PlaceTensor { places.padded(to: shape.rank) }
}

/// Several tensors one after the other along an axis.
struct Concat: Operator {
    let name = "Concat"
    let shape: Shape
    private let axis: Int
    private let lengths: [Int]
    let views: [StridedView]
    /// Whether an input is a parameter that is not all 0, such as a class token.
    private let areTokens: [Bool]

    /// - Parameter tokens: which inputs are parameters whose rows are tokens of their own.
    /// - Throws: `VitvideoError` of kind `badData` where they do not fit.
    init(_ inputs: [Shape], axis: Int, tokens: [Bool]? = nil) throws {
        guard let first = inputs.first else { throw VitvideoError.badData("nothing is put together") }
        let axis = try first.axis(axis)
        for other in inputs {
            guard other.rank == first.rank, try other.replacing(axis, by: 1) == first.replacing(axis, by: 1)
            else { throw VitvideoError.badData("\(other) cannot follow \(first) along axis \(axis)") }
        }
        self.axis = axis
        lengths = inputs.map { $0[axis] }
        areTokens = tokens ?? inputs.map { _ in false }
        let shape = try first.replacing(axis, by: lengths.reduce(0, +))
        self.shape = shape
        let strides = shape.strides
        var start = 0
        views = inputs.map { input in
            defer { start += input[axis] }
            return StridedView(offset: start * strides[axis], sizes: input.sizes, strides: strides)
        }
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        for (view, input) in zip(views, inputs) { view.scatter(out, from: input) }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        for (view, gradient) in zip(views, gradients) {
            if let gradient { view.addGathered(gradient, call.outGradient) }
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        if inputs.allSatisfy({ $0 == inputs[0] && !$0.rows.varies(along: axis) && $0.columns == nil }) {
            return inputs[0]
        }
        // Parameters beside parts of the picture are tokens of their own.
        let hasPicture = inputs.contains { $0.rows.values.contains { $0.pixels != nil } }
        var token = 0
        let rows = zip(inputs, lengths).enumerated().map { index, part in
            let (input, length) = part
            if hasPicture, input.isNone, areTokens[index] {
                defer { token += length }
                var sizes = [Int](repeating: 1, count: shape.rank)
                sizes[axis] = length
                return PlaceTensor(sizes: sizes, values: (0..<length).map { .token(token + $0) })
            }
            return input.rows
        }
        let joined = joined(rows)
        guard inputs.contains(where: { $0.columns != nil }) else { return Places(joined) }
        return Places(
            joined,
            columns: self.joined(inputs.map { $0.columns ?? PlaceTensor(.none, rank: shape.rank) }))
    }

    private func joined(_ parts: [PlaceTensor]) -> PlaceTensor {
        // Along every other axis all have the size that one of them has.
        var sizes = (0..<shape.rank).map { axis in parts.map { $0.sizes[axis] }.max() ?? 1 }
        sizes[axis] = shape[axis]
        var start = 0
        let written = zip(parts, lengths).map { part, length in
            defer { start += length }
            return (start, part.expanded { $0 == axis ? length : sizes[$0] })
        }
        return PlaceTensor(sizes: sizes, axis: axis, written).reduced()
    }
}

/// y = x with `value` around it; negative widths cut off.
struct Pad: Operator {
    let name = "Pad"
    let shape: Shape
    private let value: Float
    private let before: [Int]
    /// What of the input is kept, and where it lies in the output.
    private let kept: StridedView
    private let place: StridedView
    private let keptStart: [Int]
    private let keptSizes: [Int]
    private let needsFilling: Bool

    /// - Throws: `VitvideoError` of kind `badData` where more is cut off than there is.
    init(_ x: Shape, before: [Int], after: [Int], value: Float = 0) throws {
        let bound = 1 << 40
        guard before.count == x.rank, after.count == x.rank,
            (before + after).allSatisfy({ (-bound..<bound).contains($0) })
        else { throw VitvideoError.badData("\(before) and \(after) are no widths of padding for \(x)") }
        var sizes: [Int] = []
        for axis in 0..<x.rank {
            let (sum, overflows) = x[axis].addingReportingOverflow(before[axis])
            let (size, overflowsToo) = sum.addingReportingOverflow(after[axis])
            guard !overflows, !overflowsToo, size >= 0,
                x[axis] + min(before[axis], 0) + min(after[axis], 0) >= 0
            else { throw VitvideoError.badData("\(x) cannot be padded by \(before) and \(after)") }
            sizes.append(size)
        }
        shape = try Shape(sizes)
        self.value = value
        self.before = before
        let start = before.map { max(-$0, 0) }
        keptStart = start
        keptSizes = (0..<x.rank).map { x[$0] + min(before[$0], 0) + min(after[$0], 0) }
        let (from, to) = (x.strides, shape.strides)
        kept = StridedView(
            offset: zip(start, from).map(*).reduce(0, +), sizes: keptSizes, strides: from)
        place = StridedView(
            offset: zip(before.map { max($0, 0) }, to).map(*).reduce(0, +), sizes: keptSizes, strides: to)
        needsFilling = kept.count < shape.count
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        if needsFilling { out.update(repeating: value, count: shape.count) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(kept.count, 1)) { packed in
            kept.gather(packed.baseAddress!, from: inputs[0])
            place.scatter(out, from: packed.baseAddress!)
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let gradient = gradients[0] else { return }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(kept.count, 1)) { packed in
            place.gather(packed.baseAddress!, from: call.outGradient)
            kept.add(gradient, packed.baseAddress!)
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { places in
            var result = places
            for axis in 0..<shape.rank where keptSizes[axis] != shape[axis] || keptStart[axis] != 0 {
                result = padded(result, axis)
            }
            return result
        }
    }

    private func padded(_ places: PlaceTensor, _ axis: Int) -> PlaceTensor {
        var source = places.expanded { $0 == axis ? keptStart[axis] + keptSizes[axis] : nil }
        if keptStart[axis] > 0 || source.sizes[axis] > keptSizes[axis] {
            source = source.sliced(axis: axis, from: keptStart[axis], count: keptSizes[axis])
        }
        var sizes = source.sizes
        sizes[axis] = shape[axis]
        return PlaceTensor(
            sizes: sizes, axis: axis, keptSizes[axis] == 0 ? [] : [(max(before[axis], 0), source)])
    }
}

/// y = x[…, indices, …] along one axis.
struct Take: Operator {
    let name = "Gather"
    let shape: Shape
    private let indices: [Int]
    private let axis: Int
    private let length: Int
    private let outer: Int
    private let inner: Int

    /// - Parameter indices: negative ones count from the end.
    /// - Throws: `VitvideoError` of kind `badData` where one is outside.
    init(_ x: Shape, axis: Int, indices: [Int]) throws {
        let axis = try x.axis(axis)
        let length = x[axis]
        guard indices.allSatisfy({ (-length..<length).contains($0) }) else {
            throw VitvideoError.badData("an index is outside of an axis of \(length)")
        }
        self.axis = axis
        self.length = length
        self.indices = indices.map { $0 < 0 ? $0 + length : $0 }
        shape = try x.replacing(axis, by: indices.count)
        outer = x.count(of: 0..<axis)
        inner = x.count(of: axis + 1..<x.rank)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        forEachPiece { to, from in (out + to).update(from: inputs[0] + from, count: inner) }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let gradient = gradients[0] else { return }
        forEachPiece { to, from in
            for i in 0..<inner { gradient[from + i] += call.outGradient[to + i] }
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { places in
            guard places.varies(along: axis) else { return places }
            let inner = places.sizes[(axis + 1)...].reduce(1, *)
            let outer = places.sizes[..<axis].reduce(1, *)
            var sizes = places.sizes
            sizes[axis] = indices.count
            var values: [Place] = []
            for o in 0..<outer {
                for index in indices {
                    values += places.values[(o * length + index) * inner..<(o * length + index + 1) * inner]
                }
            }
            return PlaceTensor(sizes: sizes, values: values)
        }
    }

    @inline(__always)
    private func forEachPiece(_ body: (_ to: Int, _ from: Int) -> Void) {
        for o in 0..<outer {
            for (i, index) in indices.enumerated() {
                body((o * indices.count + i) * inner, (o * length + index) * inner)
            }
        }
    }
}
