import Base
import Checkpoints
import Files

// Operators that only move values. Each does the same with tensors and with integers.

extension ONNXImport {
    static let layoutRules: [String: Rule] = [
        "Identity": { try $0.pass() },
        "Dropout": { try $0.pass() },
        "Cast": { try $0.cast() },
        "CastLike": { try $0.pass() },
        "Reshape": { try $0.reshape() },
        "Flatten": { reader in
            let sizes = try reader.sizes(0)
            let axis = reader.integer("axis") ?? 1
            let cut = axis < 0 ? axis + sizes.count : axis
            guard (0...sizes.count).contains(cut) else {
                throw VitvideoError.badData("there is no axis \(axis)")
            }
            try reader.reshapeInput([sizes[..<cut].reduce(1, *), sizes[cut...].reduce(1, *)])
        },
        "Squeeze": { try $0.squeeze() },
        "Unsqueeze": { try $0.unsqueeze() },
        "Transpose": { try $0.transpose() },
        "Slice": { try $0.slice() },
        "Split": { try $0.split() },
        "Concat": { try $0.concat() },
        "Pad": { try $0.pad() },
        "Gather": { try $0.gather() },
        "GatherND": { try $0.gatherND() },
        "ScatterND": { try $0.scatterND() },
        "Expand": { try $0.expand() },
        "Tile": { try $0.tile() },
        "DepthToSpace": { try $0.depthToSpace() },
        "SpaceToDepth": { try $0.spaceToDepth() },
    ]

    private mutating func sizes(_ index: Int) throws -> [Int] {
        switch try input(index) {
        case .tensor(let value): graph.shape(value).sizes
        case .integers(let integers): integers.shape.sizes
        }
    }

    private mutating func pass() throws {
        switch try input(0) {
        case .tensor(let value): output(value)
        case .integers(let integers): output(integers)
        }
    }

    private mutating func cast() throws {
        // 1 float, 10 float16, 11 double, 16 bfloat16; the others are integers and truth values.
        let target = integer("to") ?? 1
        let isNumber = [1, 10, 11, 16].contains(target)
        switch (try input(0), isNumber) {
        case (.tensor(let value), true): output(value)
        case (.tensor, false):
            let integers = try integers(0)
            output(target == 9 ? Integers(integers.shape, integers.values.map { $0 == 0 ? 0 : 1 }) : integers)
        case (.integers, true): output(try tensor(0))
        case (.integers(let integers), false):
            output(target == 9 ? Integers(integers.shape, integers.values.map { $0 == 0 ? 0 : 1 }) : integers)
        }
    }

    private mutating func reshapeInput(_ sizes: [Int]) throws {
        switch try input(0) {
        case .tensor(let value): output(try graph.reshape(value, sizes))
        case .integers(let integers): output(try integers.reshaped(sizes))
        }
    }

    /// 0 stands for the size that is there, −1 for what is left.
    private mutating func reshape() throws {
        let before = try sizes(0)
        var after = hasInput(1) ? try integers(1).values : list("shape") ?? []
        if (integer("allowzero") ?? 0) == 0 {
            for (axis, size) in after.enumerated() where size == 0 {
                guard axis < before.count else { throw VitvideoError.badData("there is no axis \(axis)") }
                after[axis] = before[axis]
            }
        }
        if let open = after.firstIndex(of: -1) {
            after[open] = 1
            let known = try Shape(after).count
            let count = try Shape(before).count
            guard known > 0, count % known == 0 else {
                throw VitvideoError.badData("\(try Shape(before)) cannot be divided by \(known)")
            }
            after[open] = count / known
        }
        try reshapeInput(after)
    }

    private mutating func squeeze() throws {
        var sizes = try sizes(0)
        let shape = try Shape(sizes)
        let axes =
            if let given = try axes(input: 1) { try given.map { try shape.axis($0) } } else {
                sizes.indices.filter { sizes[$0] == 1 }
            }
        for axis in Set(axes).sorted(by: >) { sizes.remove(at: axis) }
        try reshapeInput(sizes)
    }

    private mutating func unsqueeze() throws {
        var sizes = try sizes(0)
        guard let given = try axes(input: 1) else { throw VitvideoError.badData("no axes are given") }
        let rank = sizes.count + given.count
        let axes = try given.map { axis in
            guard (-rank..<rank).contains(axis) else {
                throw VitvideoError.badData("there is no axis \(axis)")
            }
            return axis < 0 ? axis + rank : axis
        }
        for axis in axes.sorted() {
            guard axis <= sizes.count else { throw VitvideoError.badData("there is no axis \(axis)") }
            sizes.insert(1, at: axis)
        }
        try reshapeInput(sizes)
    }

    private mutating func transpose() throws {
        let order = try list("perm") ?? Array(sizes(0).indices.reversed())
        switch try input(0) {
        case .tensor(let value): output(try graph.transpose(value, order))
        case .integers(let integers):
            let turn = try Transpose(integers.shape, order: order)
            output(integers.viewed(turn.view, turn.shape))
        }
    }

    /// Takes some along an axis of an entry.
    private mutating func cut(
        _ entry: Entry, axis: Int, from start: Int, count: Int, step: Int
    ) throws -> Entry {
        switch entry {
        case .tensor(let value):
            return .tensor(try graph.slice(value, axis: axis, from: start, count: count, step: step))
        case .integers(let integers):
            let slice = try Slice(integers.shape, axis: axis, start: start, count: count, step: step)
            return .integers(integers.viewed(slice.view, slice.shape))
        }
    }

    private mutating func output(_ entry: Entry, _ index: Int = 0) {
        switch entry {
        case .tensor(let value): output(value, index)
        case .integers(let integers): output(integers, index)
        }
    }

    private mutating func slice() throws {
        let starts = try list("starts") ?? integers(1).values
        let ends = try list("ends") ?? integers(2).values
        let shape = try Shape(sizes(0))
        let axes = try list("axes") ?? (hasInput(3) ? try integers(3).values : Array(starts.indices))
        let steps = hasInput(4) ? try integers(4).values : starts.map { _ in 1 }
        guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count else {
            throw VitvideoError.badData("starts, ends, axes and steps are not as many as each other")
        }
        var entry = try input(0)
        for (index, given) in axes.enumerated() {
            let axis = try shape.axis(given)
            let (length, step) = (shape[axis], steps[index])
            guard step != 0, step > -(1 << 40), step < 1 << 40 else {
                throw VitvideoError.badData("a step of \(step)")
            }
            func place(_ value: Int, _ least: Int, _ most: Int) -> Int {
                min(max(value < 0 ? value.addingReportingOverflow(length).partialValue : value, least), most)
            }
            let (start, end) =
                step > 0
                ? (place(starts[index], 0, length), place(ends[index], 0, length))
                : (place(starts[index], 0, length - 1), place(ends[index], -1, length - 1))
            let count = max(0, step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step)
            entry = try cut(entry, axis: axis, from: start, count: count, step: step)
        }
        output(entry)
    }

    private mutating func split() throws {
        let shape = try Shape(sizes(0))
        let axis = try shape.axis(integer("axis") ?? 0)
        let parts: [Int]
        if let given = try list("split") ?? (hasInput(1) ? try integers(1).values : nil) {
            parts = given
        } else {
            let count = integer("num_outputs") ?? node.outputs.count
            guard (1...1 << 16).contains(count) else { throw VitvideoError.badData("a split into \(count)") }
            let size = (shape[axis] + count - 1) / count
            parts = (0..<count).map { max(0, min(size, shape[axis] - $0 * size)) }
        }
        var start = 0
        let entry = try input(0)
        for (index, count) in parts.enumerated() {
            guard count >= 0, count <= shape[axis] - start else {
                throw VitvideoError.badData("\(parts) is more than \(shape[axis])")
            }
            output(try cut(entry, axis: axis, from: start, count: count, step: 1), index)
            start += count
        }
    }

    private mutating func concat() throws {
        guard let axis = integer("axis") else { throw VitvideoError.badData("no axis is given") }
        if try takesIntegers() {
            let parts = try node.inputs.indices.map { try integers($0) }
            let concat = try Concat(parts.map(\.shape), axis: axis)
            try Integers.check(concat.shape)
            var values = [Int](repeating: 0, count: concat.shape.count)
            values.withUnsafeMutableBufferPointer { out in
                guard let start = out.baseAddress else { return }
                for (view, part) in zip(concat.views, parts) where view.count > 0 {
                    part.values.withUnsafeBufferPointer { view.scatter(start, from: $0.baseAddress!) }
                }
            }
            return output(Integers(concat.shape, values))
        }
        output(try graph.concat(node.inputs.indices.map { try tensor($0) }, axis: axis))
    }

    private mutating func pad() throws {
        guard ["constant", nil].contains(text("mode")) else {
            throw VitvideoError(
                .usage, reason: "padding by \(quoted(text("mode") ?? "")) is not computed here")
        }
        let x = try tensor(0)
        let rank = graph.shape(x).rank
        let widths = try list("pads") ?? integers(1).values
        let axes = hasInput(3) ? try integers(3).values.map { try graph.shape(x).axis($0) } : Array(0..<rank)
        guard widths.count == 2 * axes.count else {
            throw VitvideoError.badData("\(widths.count) widths of padding")
        }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (index, axis) in axes.enumerated() {
            (before[axis], after[axis]) = (widths[index], widths[index + axes.count])
        }
        let value = hasInput(2) ? try numbers(2).first ?? 0 : number("value") ?? 0
        output(try graph.pad(x, before: before, after: after, value: value))
    }

    private mutating func gather() throws {
        let indices = try integers(1)
        let shape = try Shape(sizes(0))
        let axis = try shape.axis(integer("axis") ?? 0)
        let sizes = Array(shape.sizes[..<axis]) + indices.shape.sizes + Array(shape.sizes[(axis + 1)...])
        switch try input(0) {
        case .tensor(let value):
            if indices.values.count == 1, let index = indices.values.first,
                (-shape[axis]..<shape[axis]).contains(index)
            {
                let one = try graph.slice(
                    value, axis: axis, from: index < 0 ? index + shape[axis] : index, count: 1)
                return output(try graph.reshape(one, sizes))
            }
            output(try graph.reshape(try graph.take(value, axis: axis, indices.values), sizes))
        case .integers(let integers):
            let inner = shape.count(of: axis + 1..<shape.rank)
            let outer = shape.count(of: 0..<axis)
            try Integers.check(Shape(sizes))
            var values: [Int] = []
            for o in 0..<outer {
                for index in indices.values {
                    let index = index < 0 ? index + shape[axis] : index
                    guard (0..<shape[axis]).contains(index) else {
                        throw VitvideoError.badData("an index is outside of an axis of \(shape[axis])")
                    }
                    let start = (o * shape[axis] + index) * inner
                    values += integers.values[start..<start + inner]
                }
            }
            output(try Integers(Shape(sizes), values))
        }
    }

    /// The places that rows of several indices name among the first axes of a shape, in pieces of the rest.
    private func places(_ rows: Integers, in shape: Shape) throws -> (numbers: [Int], depth: Int) {
        guard let depth = rows.shape.sizes.last, depth > 0, depth <= shape.rank else {
            throw VitvideoError.badData("indices of \(rows.shape) for \(shape)")
        }
        let strides = try Shape(Array(shape.sizes[..<depth])).strides
        let numbers = try stride(from: 0, to: rows.values.count, by: depth).map { start in
            try (0..<depth).reduce(0) { sum, axis in
                let index = rows.values[start + axis]
                guard (-shape[axis]..<shape[axis]).contains(index) else {
                    throw VitvideoError.badData("an index is outside of an axis of \(shape[axis])")
                }
                return sum + (index < 0 ? index + shape[axis] : index) * strides[axis]
            }
        }
        return (numbers, depth)
    }

    private mutating func gatherND() throws {
        guard (integer("batch_dims") ?? 0) == 0 else {
            throw VitvideoError(.usage, reason: "gathering in batches is not computed here")
        }
        let (x, rows) = (try tensor(0), try integers(1))
        let shape = graph.shape(x)
        let (numbers, depth) = try places(rows, in: shape)
        let rest = Array(shape.sizes[depth...])
        let lines = try graph.reshape(x, [shape.count(of: 0..<depth)] + rest)
        output(try graph.reshape(try graph.take(lines, axis: 0, numbers), rows.shape.sizes.dropLast() + rest))
    }

    private mutating func scatterND() throws {
        guard ["none", nil].contains(text("reduction")) else {
            throw VitvideoError(
                .usage, reason: "scattering by \(quoted(text("reduction") ?? "")) is not computed here")
        }
        let rows = try integers(1)
        if case .integers(let x) = try input(0), case .integers(let updates) = try input(2) {
            let (numbers, depth) = try places(rows, in: x.shape)
            let length = x.shape.count(of: depth..<x.shape.rank)
            guard updates.values.count == saturating(numbers.count, length) else {
                throw VitvideoError.badData(
                    "\(updates.shape) are not \(numbers.count) pieces of \(length) values")
            }
            var values = x.values
            for (piece, number) in numbers.enumerated() {
                for i in 0..<length { values[number * length + i] = updates.values[piece * length + i] }
            }
            return output(Integers(x.shape, values))
        }
        let (x, updates) = (try tensor(0), try tensor(2))
        let shape = graph.shape(x)
        let (numbers, depth) = try places(rows, in: shape)
        let length = shape.count(of: depth..<shape.rank)
        output(
            try graph.apply(
                Scatter(
                    shape, starts: numbers.map { $0 * length }, length: length, updates: graph.shape(updates)),
                [x, updates]))
    }

    private mutating func expand() throws {
        let target = try integers(1).values
        switch try input(0) {
        case .tensor(let value): output(try graph.expand(value, to: target))
        case .integers(let integers):
            let expand = try Expand(integers.shape, to: Shape(target))
            try Integers.check(expand.shape)
            output(integers.viewed(expand.view, expand.shape))
        }
    }

    private mutating func tile() throws {
        let repeats = try integers(1).values
        let sizes = try sizes(0)
        guard repeats.count == sizes.count, repeats.allSatisfy({ $0 >= 0 }) else {
            throw VitvideoError.badData("\(repeats) repetitions of \(try Shape(sizes))")
        }
        // Each axis of n becomes one of 1 and one of n, and the first is stretched.
        let between = sizes.flatMap { [1, $0] }
        let stretched = zip(sizes, repeats).flatMap { [$1, $0] }
        let after = try zip(sizes, repeats).map { try Self.checked($0.multipliedReportingOverflow(by: $1)) }
        switch try input(0) {
        case .tensor(let value):
            let apart = try graph.reshape(value, between)
            output(try graph.reshape(try graph.expand(apart, to: stretched), after))
        case .integers(let integers):
            let apart = try integers.reshaped(between)
            let expand = try Expand(apart.shape, to: Shape(stretched))
            try Integers.check(expand.shape)
            output(try apart.viewed(expand.view, expand.shape).reshaped(after))
        }
    }

    private mutating func depthToSpace() throws {
        let x = try tensor(0)
        let s = graph.shape(x)
        guard let block = integer("blocksize"), (1...1 << 16).contains(block), s.rank == 4,
            s[1] % (block * block) == 0
        else {
            throw VitvideoError.badData("depth of \(s) cannot be made space")
        }
        let channels = s[1] / (block * block)
        let isByColumn = text("mode") == "CRD"
        let apart = try graph.reshape(
            x,
            isByColumn
                ? [s[0], channels, block, block, s[2], s[3]] : [s[0], block, block, channels, s[2], s[3]])
        let moved = try graph.transpose(apart, isByColumn ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2])
        output(try graph.reshape(moved, [s[0], channels, s[2] * block, s[3] * block]))
    }

    private mutating func spaceToDepth() throws {
        let x = try tensor(0)
        let s = graph.shape(x)
        guard let block = integer("blocksize"), (1...1 << 16).contains(block), s.rank == 4, s[2] % block == 0,
            s[3] % block == 0
        else {
            throw VitvideoError.badData("space of \(s) cannot be made depth")
        }
        let apart = try graph.reshape(x, [s[0], s[1], s[2] / block, block, s[3] / block, block])
        let moved = try graph.transpose(apart, [0, 3, 5, 1, 2, 4])
        output(try graph.reshape(moved, [s[0], s[1] * block * block, s[2] / block, s[3] / block]))
    }
}
