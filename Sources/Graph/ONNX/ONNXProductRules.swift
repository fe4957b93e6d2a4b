import Base
import Checkpoints
import Files

// Operators with products, windows and norms.

extension ONNXImport {
    static let productRules: [String: Rule] = [
        "MatMul": { try $0.matmul() },
        "Gemm": { try $0.gemm() },
        "Einsum": { try $0.einsum() },
        "Conv": { try $0.convolution() },
        "AveragePool": { reader in
            try reader.pool(.mean(countsPadding: reader.integer("count_include_pad") == 1))
        },
        "MaxPool": { try $0.pool(.maximum) },
        "GlobalAveragePool": { reader in
            let x = try reader.tensor(0)
            reader.output(
                try reader.graph.reduce(.mean, x, axes: Array(2..<max(2, reader.graph.shape(x).rank))))
        },
        "LayerNormalization": { try $0.layerNorm() },
        "BatchNormalization": { try $0.batchNorm() },
        "InstanceNormalization": { reader in
            // Integers become a parameter of the graph first.
            let x = try reader.tensor(0)
            let shape = reader.graph.shape(x)
            guard shape.rank >= 2 else { throw VitvideoError.badData("\(shape) has no channels") }
            try reader.groupNorm(groups: shape[1])
        },
        "GroupNormalization": { reader in
            guard let groups = reader.integer("num_groups") else {
                throw VitvideoError.badData("no groups are given")
            }
            try reader.groupNorm(groups: groups)
        },
        "Resize": { try $0.resize() },
        "Upsample": { try $0.resize() },
    ]

    private mutating func matmul() throws {
        var (x, y) = (try tensor(0), try tensor(1))
        let (xRank, yRank) = (graph.shape(x).rank, graph.shape(y).rank)
        guard xRank > 0, yRank > 0 else { throw VitvideoError.badData("a product of a single number") }
        if xRank == 1 { x = try graph.reshape(x, [1, graph.shape(x).count]) }
        if yRank == 1 { y = try graph.reshape(y, [graph.shape(y).count, 1]) }
        let product = try graph.matmul(x, y)
        var sizes = graph.shape(product).sizes
        if yRank == 1 { sizes.removeLast() }
        if xRank == 1 { sizes.remove(at: sizes.count - (yRank == 1 ? 1 : 2)) }
        output(try graph.reshape(product, sizes))
    }

    private mutating func gemm() throws {
        var (x, y) = (try tensor(0), try tensor(1))
        guard graph.shape(x).rank == 2, graph.shape(y).rank == 2 else {
            throw VitvideoError.badData("a product of \(graph.shape(x)) and \(graph.shape(y))")
        }
        if integer("transA") ?? 0 != 0 { x = try graph.transpose(x, [1, 0]) }
        if integer("transB") ?? 0 != 0 { y = try graph.transpose(y, [1, 0]) }
        var product = try graph.matmul(x, y)
        if let alpha = number("alpha"), alpha != 1 { product = try graph.multiply(product, by: alpha) }
        if hasInput(2) {
            var bias = try tensor(2)
            if let beta = number("beta"), beta != 1 { bias = try graph.multiply(bias, by: beta) }
            product = try graph.add(product, bias)
        }
        output(product)
    }

    /// Products of two tensors: axes of both that come out are batches, of both that do not are summed.
    private mutating func einsum() throws {
        let equation = (text("equation") ?? "").filter { $0 != " " }
        let parts = equation.split(separator: ">", omittingEmptySubsequences: false)
        let terms = (parts.first.map { $0.hasSuffix("-") ? $0.dropLast() : $0 } ?? "").split(separator: ",")
        guard parts.count == 2, terms.count == 2, !equation.contains(".") else {
            throw VitvideoError(.usage, reason: "the sum \(quoted(equation)) is not computed here")
        }
        let (x, y, out) = (Array(terms[0]), Array(terms[1]), Array(parts[1]))
        let shared = x.filter { y.contains($0) }
        let (batch, inner) = (shared.filter { out.contains($0) }, shared.filter { !out.contains($0) })
        let (rows, columns) = (x.filter { !y.contains($0) }, y.filter { !x.contains($0) })
        let (a, b) = (try tensor(0), try tensor(1))
        guard Set(x).count == x.count, Set(y).count == y.count, graph.shape(a).rank == x.count,
            graph.shape(b).rank == y.count, Set(out) == Set(batch + rows + columns),
            out.count == Set(out).count
        else { throw VitvideoError(.usage, reason: "the sum \(quoted(equation)) is not computed here") }
        var sizes: [Character: Int] = [:]
        for (letter, size) in zip(x + y, graph.shape(a).sizes + graph.shape(b).sizes) {
            guard sizes.updateValue(size, forKey: letter) ?? size == size else {
                throw VitvideoError.badData("the axes \(letter) of a sum differ")
            }
        }
        func count(_ letters: [Character]) -> Int { letters.reduce(1) { $0 * (sizes[$1] ?? 1) } }
        func arranged(_ value: Value, _ letters: [Character], _ order: [Character], _ last: [Int]) throws
            -> Value
        {
            let moved = try graph.transpose(
                value, order.map { letter in letters.firstIndex(of: letter) ?? 0 })
            return try graph.reshape(moved, batch.map { sizes[$0] ?? 1 } + last)
        }
        let left = try arranged(a, x, batch + rows + inner, [count(rows), count(inner)])
        let right = try arranged(b, y, batch + columns + inner, [count(columns), count(inner)])
        let product = try graph.matmul(left, transposed: right)
        let letters = batch + rows + columns
        let apart = try graph.reshape(product, letters.map { sizes[$0] ?? 1 })
        output(try graph.transpose(apart, out.map { letters.firstIndex(of: $0) ?? 0 }))
    }

    // MARK: Windows

    /// A window along a line is one of a single row.
    private mutating func window(kernel: [Int], height: Int, width: Int) throws -> Window2D {
        var (kernel, strides, dilations, pads) = (
            kernel, list("strides") ?? kernel.map { _ in 1 }, list("dilations") ?? kernel.map { _ in 1 },
            list("pads") ?? (kernel + kernel).map { _ in 0 }
        )
        if (kernel.count, strides.count, dilations.count, pads.count) == (1, 1, 1, 2) {
            (kernel, strides, dilations) = ([1] + kernel, [1] + strides, [1] + dilations)
            pads = [0, pads[0], 0, pads[1]]
        }
        guard kernel.count == 2, strides.count == 2, dilations.count == 2, pads.count == 4,
            strides.allSatisfy({ (1..<1 << 20).contains($0) }),
            kernel.allSatisfy({ (1..<1 << 20).contains($0) }),
            dilations.allSatisfy({ (1..<1 << 20).contains($0) })
        else { throw VitvideoError(.usage, reason: "only windows of rows and columns are computed here") }
        switch text("auto_pad") {
        case "SAME_UPPER", "SAME_LOWER":
            for axis in 0..<2 {
                let size = axis == 0 ? height : width
                let places = (size + strides[axis] - 1) / strides[axis]
                let needed = max(
                    0, (places - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - size)
                let before = text("auto_pad") == "SAME_UPPER" ? needed / 2 : needed - needed / 2
                (pads[axis], pads[axis + 2]) = (before, needed - before)
            }
        case "VALID": pads = [0, 0, 0, 0]
        default: break
        }
        return Window2D(
            kernel: (kernel[0], kernel[1]), strides: (strides[0], strides[1]),
            dilations: (dilations[0], dilations[1]), padding: (pads[0], pads[1], pads[2], pads[3]))
    }

    private mutating func convolution() throws {
        var (x, weight) = (try tensor(0), try tensor(1))
        let isLine = graph.shape(x).rank == 3 && graph.shape(weight).rank == 3
        let kernel = Array(graph.shape(weight).sizes.dropFirst(2))
        if isLine {
            x = try graph.reshape(x, Self.withRow(graph.shape(x)))
            weight = try graph.reshape(weight, Self.withRow(graph.shape(weight)))
        }
        let (s, w) = (graph.shape(x), graph.shape(weight))
        guard s.rank == 4, w.rank == 4 else {
            throw VitvideoError(.usage, reason: "convolutions of \(s) by \(w) are not computed here")
        }
        let window = try window(kernel: kernel, height: s[2], width: s[3])
        let (t, l, b, r) = window.padding
        let y = try graph.convolution(
            x, weight: weight, bias: hasInput(2) ? try tensor(2) : nil, stride: window.strides,
            padding: (t, l, b, r), dilations: window.dilations, groups: integer("group") ?? 1)
        output(isLine ? try graph.select(y, axis: 2, 0) : y)
    }

    /// N × C × L as N × C × 1 × L.
    private static func withRow(_ shape: Shape) -> [Int] { [shape[0], shape[1], 1, shape[2]] }

    private mutating func pool(_ function: Pool.Function) throws {
        let x = try tensor(0)
        let s = graph.shape(x)
        guard s.rank == 4, let kernel = list("kernel_shape") else {
            throw VitvideoError(.usage, reason: "pooling of \(s) is not computed here")
        }
        let window = try window(kernel: kernel, height: s[2], width: s[3])
        output(try graph.apply(Pool(function, s, window, roundsUp: integer("ceil_mode") == 1), [x]))
    }

    // MARK: Norms

    private mutating func layerNorm() throws {
        let (x, gamma) = (try tensor(0), try tensor(1))
        let axis = try graph.shape(x).axis(integer("axis") ?? -1)
        let beta =
            hasInput(2)
            ? try tensor(2)
            : graph.addParameter([Float](repeating: 0, count: graph.shape(gamma).count), graph.shape(gamma))
        output(
            try graph.layerNorm(
                x, gamma: gamma, beta: beta, axis: axis, epsilon: number("epsilon") ?? 1e-5))
    }

    /// Of parameters a scale and a shift for each channel.
    private mutating func batchNorm() throws {
        let x = try tensor(0)
        let (gamma, beta, mean, variance) = (try numbers(1), try numbers(2), try numbers(3), try numbers(4))
        let epsilon = number("epsilon") ?? 1e-5
        let shape = graph.shape(x)
        guard shape.rank >= 2, [gamma, beta, mean, variance].allSatisfy({ $0.count == shape[1] }) else {
            throw VitvideoError.badData("there is not one norm for each channel of \(shape)")
        }
        let scale = zip(gamma, variance).map { $0 / ($1 + epsilon).squareRoot() }
        let shift = zip(beta, zip(mean, scale)).map { $0 - $1.0 * $1.1 }
        let sizes = [shape[1]] + [Int](repeating: 1, count: shape.rank - 2)
        let scaled = try graph.multiply(x, graph.addParameter(scale, Shape(sizes)))
        output(try graph.add(scaled, graph.addParameter(shift, Shape(sizes))))
    }

    private mutating func groupNorm(groups: Int) throws {
        let x = try tensor(0)
        let shape = graph.shape(x)
        let (gamma, beta) = (try numbers(1), try numbers(2))
        guard shape.rank >= 2, groups > 0, shape[1] % groups == 0 else {
            throw VitvideoError.badData("\(groups) groups of \(shape)")
        }
        let width = shape.count / max(groups * shape[0], 1)
        let ones = graph.addParameter([Float](repeating: 1, count: width), try Shape([width]))
        let zeros = graph.addParameter([Float](repeating: 0, count: width), try Shape([width]))
        let apart = try graph.reshape(x, [shape[0], groups, width])
        let normalized = try graph.layerNorm(
            apart, gamma: ones, beta: zeros, epsilon: number("epsilon") ?? 1e-5)
        let back = try graph.reshape(normalized, shape.sizes)
        // Before version 21 a group has one scale, from then on a channel.
        func spread(_ values: [Float]) throws -> Value {
            let each =
                values.count == groups
                ? values.flatMap { [Float](repeating: $0, count: shape[1] / groups) } : values
            guard each.count == shape[1] else {
                throw VitvideoError.badData("\(values.count) scales for \(shape)")
            }
            return graph.addParameter(
                each, try Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2)))
        }
        let scale = try spread(gamma)
        let shift = try spread(beta)
        output(try graph.add(try graph.multiply(back, scale), shift))
    }

    // MARK: Resampling

    private mutating func resize() throws {
        var x = try tensor(0)
        let shape = graph.shape(x)
        let isUpsample = node.operation == "Upsample"
        let scaleInput = isUpsample ? 1 : 2
        var axes = Array(0..<shape.rank)
        if let given = list("axes") { axes = try given.map { try shape.axis($0) } }
        let scales = hasInput(scaleInput) ? try numbers(scaleInput) : []
        let targets: [Int]
        if scales.count == axes.count {
            targets = try zip(axes, scales).map { try Self.integer((Float(shape[$0]) * $1).rounded(.down)) }
        } else if hasInput(3) {
            targets = try integers(3).values
        } else {
            throw VitvideoError.badData("neither scales nor sizes are given")
        }
        guard targets.count == axes.count, targets.allSatisfy({ (1...Place.largestSide).contains($0) }) else {
            throw VitvideoError.badData("a size of \(targets)")
        }
        for (index, axis) in axes.enumerated() where targets[index] != shape[axis] {
            let taps = try ResizeTaps(
                from: shape[axis], to: targets[index],
                scale: scales.count == axes.count
                    ? scales[index] : Float(targets[index]) / Float(shape[axis]),
                mode: text("mode") ?? "nearest",
                place: text("coordinate_transformation_mode") ?? (isUpsample ? "asymmetric" : "half_pixel"),
                nearest: text("nearest_mode") ?? (isUpsample ? "floor" : "round_prefer_floor"),
                cubic: number("cubic_coeff_a") ?? -0.75, isAntialiased: integer("antialias") == 1)
            x = try graph.apply(Resample(graph.shape(x), axis: axis, taps: taps.taps), [x])
        }
        output(x)
    }
}

/// What each value along an axis is made of when ONNX resizes it.
struct ResizeTaps {
    let taps: [[(index: Int, weight: Float)]]

    /// - Throws: `VitvideoError` of kind `usage` for a way that is not computed here.
    init(
        from: Int, to: Int, scale: Float, mode: String, place: String, nearest: String, cubic: Float,
        isAntialiased: Bool
    ) throws {
        guard ["nearest", "linear", "cubic"].contains(mode), !isAntialiased else {
            throw VitvideoError(
                .usage,
                reason:
                    "resizing by \(quoted(mode))\(isAntialiased ? " with antialias" : "") is not computed here"
            )
        }
        func source(_ index: Int) throws -> Float {
            let x = Float(index)
            return switch place {
            case "half_pixel": (x + 0.5) / scale - 0.5
            case "pytorch_half_pixel": to > 1 ? (x + 0.5) / scale - 0.5 : 0
            case "asymmetric": x / scale
            case "align_corners": to > 1 ? x * Float(from - 1) / Float(to - 1) : 0
            default:
                throw VitvideoError(.usage, reason: "coordinates by \(quoted(place)) are not computed here")
            }
        }
        func clamped(_ index: Int) -> Int { min(max(index, 0), from - 1) }
        taps = try (0..<to).map { index in
            let x = try source(index)
            let below = x.rounded(.down)
            let share = x - below
            switch mode {
            case "nearest":
                let chosen: Float =
                    switch nearest {
                    case "floor": below
                    case "ceil": x.rounded(.up)
                    case "round_prefer_ceil": share >= 0.5 ? below + 1 : below
                    default: share > 0.5 ? below + 1 : below
                    }
                return [(clamped(Int(chosen)), 1)]
            case "linear":
                return [(clamped(Int(below)), 1 - share), (clamped(Int(below) + 1), share)]
            default:
                func weight(_ distance: Float) -> Float {
                    let d = abs(distance)
                    if d <= 1 { return (cubic + 2) * d * d * d - (cubic + 3) * d * d + 1 }
                    if d < 2 { return cubic * d * d * d - 5 * cubic * d * d + 8 * cubic * d - 4 * cubic }
                    return 0
                }
                return (-1...2).map { (clamped(Int(below) + $0), weight(share - Float($0))) }
            }
        }
    }
}
