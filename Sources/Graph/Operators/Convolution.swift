import Base
import ViT

/// How a window is moved along the two axes of a picture.
struct Window2D: Sendable, Hashable {
    /// Rows and columns each.
    var kernel: (Int, Int)
    var strides = (1, 1)
    var dilations = (1, 1)
    /// Rows above, columns left, rows below, columns right.
    var padding = (0, 0, 0, 0)

    static func == (a: Window2D, b: Window2D) -> Bool {
        a.kernel == b.kernel && a.strides == b.strides && a.dilations == b.dilations && a.padding == b.padding
    }

    func hash(into hasher: inout Hasher) { hasher.combine(kernel.0) }

    /// How many places the window has in so many rows and columns.
    ///
    /// - Parameter rounds: whether a window that begins inside and ends outside counts.
    /// - Throws: `VitvideoError` of kind `badData` where there is none.
    func places(height: Int, width: Int, roundsUp: Bool = false) throws -> (Int, Int) {
        func count(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ before: Int, _ after: Int)
            throws -> Int
        {
            guard kernel > 0, stride > 0, dilation > 0, kernel < 1 << 20, dilation < 1 << 20,
                stride < 1 << 20,
                before >= 0, after >= 0, before < 1 << 20, after < 1 << 20
            else {
                throw VitvideoError.badData("a window of \(kernel), stride \(stride), dilation \(dilation)")
            }
            let room = size + before + after - dilation * (kernel - 1) - 1
            guard room >= 0 else {
                throw VitvideoError.badData(
                    "a window of \(kernel) is larger than the \(size) it is moved along")
            }
            var count = room / stride + 1
            if roundsUp, room % stride != 0, count * stride < size + before { count += 1 }
            return count
        }
        return (
            try count(height, kernel.0, strides.0, dilations.0, padding.0, padding.2),
            try count(width, kernel.1, strides.1, dilations.1, padding.1, padding.3)
        )
    }

    /// What the places of a window stand for along an axis, of so many inputs: as many as the stride, in the middle of the
    /// window.
    func inputs(of place: Int, alongRows: Bool, size: Int) -> Range<Int> {
        let (kernel, stride, dilation, before) =
            alongRows
            ? (kernel.0, strides.0, dilations.0, padding.0) : (kernel.1, strides.1, dilations.1, padding.1)
        let extent = dilation * (kernel - 1) + 1
        let first = place * stride - before + max(extent - stride + 1, 0) / 2
        let low = min(max(first, 0), size - 1)
        return low..<max(min(first + min(stride, extent), size), low + 1)
    }

    /// Places after the window has been moved along the last two axes.
    func moved(_ places: PlaceTensor, height: Int, width: Int, to shape: Shape) -> PlaceTensor {
        let rank = places.rank
        let source =
            places.varies(along: rank - 1) || places.varies(along: rank - 2)
            ? places.expanded { $0 == rank - 2 ? height : $0 == rank - 1 ? width : nil } : places
        guard source.varies(along: rank - 1) || source.varies(along: rank - 2) else { return source }
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let outer = source.sizes[..<(rank - 2)].reduce(1, *)
        var values: [Place] = []
        values.reserveCapacity(outer * rows * columns)
        for o in 0..<outer {
            for row in 0..<rows {
                let from = inputs(of: row, alongRows: true, size: height)
                for column in 0..<columns {
                    let across = inputs(of: column, alongRows: false, size: width)
                    // Places are rectangles that follow each other: the corners say what lies between.
                    func at(_ y: Int, _ x: Int) -> Place { source.values[(o * height + y) * width + x] }
                    values.append(
                        at(from.lowerBound, across.lowerBound)
                            .union(at(from.upperBound - 1, across.upperBound - 1)))
                }
            }
        }
        return PlaceTensor(sizes: Array(source.sizes[..<(rank - 2)]) + [rows, columns], values: values)
    }
}

/// y[o, p] = b[o] + Σ W[o, k] · x[k at p] over windows of N × C × H × W pictures, in groups of channels that do not mix.
///
///     dx += Wᵀ·dy put back to where x was taken from; W and b are parameters
struct Convolution: Operator {
    let name = "Conv"
    let shape: Shape
    private let x: Shape
    private let window: Window2D
    private let groups: Int
    /// Of a group: channels in and out.
    private let channels: (in: Int, out: Int)
    private let hasBias: Bool

    /// - Parameter weight: out × in a group × kernel.
    /// - Throws: `VitvideoError` of kind `badData` where they do not fit together.
    init(_ x: Shape, weight: Shape, bias: Shape?, _ window: Window2D, groups: Int) throws {
        guard x.rank == 4, weight.rank == 4, groups > 0, x[1] % groups == 0, weight[0] % groups == 0,
            weight[1] == x[1] / groups, window.kernel == (weight[2], weight[3]),
            bias.map({ $0.count == weight[0] }) ?? true
        else { throw VitvideoError.badData("a convolution of \(x) by \(weight) in \(groups) groups") }
        (self.x, self.window, self.groups) = (x, window, groups)
        channels = (weight[1], weight[0] / groups)
        hasBias = bias != nil
        let (rows, columns) = try window.places(height: x[2], width: x[3])
        shape = try Shape([x[0], weight[0], rows, columns])
        _ = try Shape([channels.in, window.kernel.0, window.kernel.1, rows, columns])
    }

    private var pixels: Int { shape[2] * shape[3] }
    private var taps: Int { channels.in * window.kernel.0 * window.kernel.1 }
    var operations: Int { saturating(shape.count, taps) }
    private var isDepthwise: Bool { channels == (1, 1) }
    private var isPointwise: Bool {
        window == Window2D(kernel: (1, 1))
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        let inputPixels = x[2] * x[3]
        try context.forRows(x[0] * groups, width: taps * pixels) { first, count in
            for index in first..<first + count {
                let group = index % groups
                let input = inputs[0] + index * channels.in * inputPixels
                let output = out + index * channels.out * pixels
                let weight = inputs[1] + group * channels.out * taps
                if isDepthwise {
                    convolve(output, input, weight)
                } else {
                    multiply(output, input, weight, context)
                }
                if hasBias {
                    for channel in 0..<channels.out {
                        let bias = inputs[2][group * channels.out + channel]
                        for i in channel * pixels..<(channel + 1) * pixels { output[i] += bias }
                    }
                }
            }
        }
    }

    private func multiply(
        _ output: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ context: GraphContext
    ) {
        guard pixels > 0, taps > 0 else { return output.update(repeating: 0, count: channels.out * pixels) }
        if isPointwise {
            return context.product(
                output, stride: pixels, weight, stride: taps, input, stride: pixels, bTransposed: false,
                m: channels.out, n: pixels, k: taps)
        }
        forEachTile { rows, windows in
            let count = rows.count * shape[3]
            windows.update(repeating: 0, count: taps * count)
            forEachTap(rows) { tap, place, from, length, stride in
                let (to, source) = (windows + tap * count + place, input + from)
                if stride == 1 {
                    to.update(from: source, count: length)
                } else {
                    for i in 0..<length { to[i] = source[i * stride] }
                }
            }
            context.product(
                output + rows.lowerBound * shape[3], stride: pixels, weight, stride: taps, windows,
                stride: count,
                bTransposed: false, m: channels.out, n: count, k: taps)
        }
    }

    /// Calls `body` with some of the output's rows after the other, and with memory for what their windows see: few enough
    /// that it stays in cache.
    private func forEachTile(_ body: (_ rows: Range<Int>, _ windows: UnsafeMutablePointer<Float>) -> Void) {
        let most = max(1, min(shape[2], (1 << 18) / max(taps * shape[3], 1)))
        withUnsafeTemporaryAllocation(of: Float.self, capacity: taps * most * shape[3]) { buffer in
            for start in stride(from: 0, to: shape[2], by: most) {
                body(start..<min(start + most, shape[2]), buffer.baseAddress!)
            }
        }
    }

    private func convolve(
        _ output: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>
    ) {
        output.update(repeating: 0, count: pixels)
        forEachTap(0..<shape[2]) { tap, place, from, length, stride in
            let (factor, to, source) = (weight[tap], output + place, input + from)
            if stride == 1 {
                for i in 0..<length { to[i] += factor * source[i] }
            } else {
                for i in 0..<length { to[i] += factor * source[i * stride] }
            }
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let gradient = gradients[0], pixels > 0, taps > 0 else { return }
        for index in 0..<x[0] * groups {
            let weight = call.inputs[1] + index % groups * channels.out * taps
            let dy = call.outGradient + index * channels.out * pixels
            let dx = gradient + index * channels.in * x[2] * x[3]
            forEachTile { rows, windows in
                let count = rows.count * shape[3]
                context.product(
                    windows, stride: count, weight, stride: taps, dy + rows.lowerBound * shape[3],
                    stride: pixels,
                    aTransposed: true, bTransposed: false, m: taps, n: count, k: channels.out)
                forEachTap(rows) { tap, place, from, length, stride in
                    let (source, to) = (windows + tap * count + place, dx + from)
                    for i in 0..<length { to[i * stride] += source[i] }
                }
            }
        }
    }

    /// Calls `body` for some of the output's rows, for each value of the window where it lies inside of the picture: which
    /// value, where the row begins among these and in the input's picture, how long it is and how far apart inputs lie.
    @inline(__always)
    private func forEachTap(
        _ rows: Range<Int>,
        _ body: (_ tap: Int, _ place: Int, _ from: Int, _ length: Int, _ stride: Int) -> Void
    ) {
        let (height, width, columns) = (x[2], x[3], shape[3])
        var tap = 0
        for channel in 0..<channels.in {
            for y in 0..<window.kernel.0 {
                for x in 0..<window.kernel.1 {
                    let shift = x * window.dilations.1 - window.padding.1
                    let firstColumn = shift >= 0 ? 0 : (-shift + window.strides.1 - 1) / window.strides.1
                    let pastColumn =
                        width - shift <= 0
                        ? 0 : min(columns, (width - shift + window.strides.1 - 1) / window.strides.1)
                    if pastColumn > firstColumn {
                        for row in rows {
                            let line = row * window.strides.0 + y * window.dilations.0 - window.padding.0
                            guard line >= 0, line < height else { continue }
                            body(
                                tap, (row - rows.lowerBound) * columns + firstColumn,
                                (channel * height + line) * width + firstColumn * window.strides.1 + shift,
                                pastColumn - firstColumn, window.strides.1)
                        }
                    }
                    tap += 1
                }
            }
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { places in
            window.moved(places.union(along: 1), height: x[2], width: x[3], to: shape)
        }
    }
}

/// y = the mean, or the largest, of each window of a picture's channels.
struct Pool: Operator {
    enum Function: Sendable {
        case maximum
        case mean(countsPadding: Bool)
    }

    let function: Function
    let shape: Shape
    private let x: Shape
    private let window: Window2D

    var name: String { if case .maximum = function { "MaxPool" } else { "AveragePool" } }

    /// - Throws: `VitvideoError` of kind `badData` where no window fits.
    init(_ function: Function, _ x: Shape, _ window: Window2D, roundsUp: Bool = false) throws {
        guard x.rank == 4 else { throw VitvideoError.badData("pooling of \(x), which is no picture") }
        (self.function, self.x, self.window) = (function, x, window)
        let (rows, columns) = try window.places(height: x[2], width: x[3], roundsUp: roundsUp)
        shape = try Shape([x[0], x[1], rows, columns])
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        forEachWindow { place, inside, counted in
            var value: Float = 0
            switch function {
            case .maximum:
                value = -.infinity
                inside { value = max(value, inputs[0][$0]) }
            case .mean:
                inside { value += inputs[0][$0] }
                value /= Float(counted)
            }
            out[place] = value
        }
    }

    /// dx += dy/n for a mean; for the largest, dy to the first that is as large.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let dx = gradients[0] else { return }
        forEachWindow { place, inside, counted in
            switch function {
            case .maximum:
                var isGiven = false
                inside {
                    if !isGiven, call.inputs[0][$0] == call.out[place] {
                        dx[$0] += call.outGradient[place]
                        isGiven = true
                    }
                }
            case .mean: inside { dx[$0] += call.outGradient[place] / Float(counted) }
            }
        }
    }

    var operations: Int { saturating(shape.count, window.kernel.0, window.kernel.1) }

    private func forEachWindow(
        _ body: (_ place: Int, _ inside: ((Int) -> Void) -> Void, _ counted: Int) -> Void
    ) {
        let (height, width) = (x[2], x[3])
        for plane in 0..<x[0] * x[1] {
            for row in 0..<shape[2] {
                for column in 0..<shape[3] {
                    func lines(_ start: Int, _ kernel: Int, _ dilation: Int, _ size: Int) -> [Int] {
                        (0..<kernel).map { start + $0 * dilation }.filter { (0..<size).contains($0) }
                    }
                    let (top, left) = (
                        row * window.strides.0 - window.padding.0,
                        column * window.strides.1 - window.padding.1
                    )
                    let ys = lines(top, window.kernel.0, window.dilations.0, height)
                    let xs = lines(left, window.kernel.1, window.dilations.1, width)
                    var counted = ys.count * xs.count
                    if case .mean(true) = function {
                        // Padding counts, what a window rounded up reaches beyond it does not.
                        let below = min(top + window.kernel.0, height + window.padding.2)
                        let right = min(left + window.kernel.1, width + window.padding.3)
                        counted = (below - top) * (right - left)
                    }
                    body(
                        (plane * shape[2] + row) * shape[3] + column,
                        { use in for y in ys { for x in xs { use((plane * height + y) * width + x) } } },
                        max(counted, 1))
                }
            }
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { window.moved($0, height: x[2], width: x[3], to: shape) }
    }
}

/// y = M·x along one axis, with few values in each row of M: resampling of a picture.
struct Resample: Operator {
    let name = "Resize"
    let shape: Shape
    private let axis: Int
    private let outer: Int
    private let inner: Int
    private let length: Int
    private let taps: [[(index: Int, weight: Float)]]

    /// - Parameter taps: of each value of the output, what it is made of.
    /// - Throws: `VitvideoError` of kind `badData` for an axis that is not there.
    init(_ x: Shape, axis: Int, taps: [[(index: Int, weight: Float)]]) throws {
        self.axis = try x.axis(axis)
        self.taps = taps
        length = x[self.axis]
        shape = try x.replacing(self.axis, by: taps.count)
        outer = x.count(of: 0..<self.axis)
        inner = x.count(of: self.axis + 1..<x.rank)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        out.update(repeating: 0, count: shape.count)
        forEachTap { to, from, weight in
            for i in 0..<inner { out[to + i] += weight * inputs[0][from + i] }
        }
    }

    /// dx += Mᵀ·dy.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let dx = gradients[0] else { return }
        forEachTap { to, from, weight in
            for i in 0..<inner { dx[from + i] += weight * call.outGradient[to + i] }
        }
    }

    @inline(__always)
    private func forEachTap(_ body: (_ to: Int, _ from: Int, _ weight: Float) -> Void) {
        for o in 0..<outer {
            for (place, row) in taps.enumerated() {
                for tap in row {
                    body((o * taps.count + place) * inner, (o * length + tap.index) * inner, tap.weight)
                }
            }
        }
    }

    /// Where a whole number of values become one, it stands for all of them; where one becomes a whole number of values, each
    /// stands for its share of the rectangle. Else a value stands for what its heaviest part stands for.
    func places(_ inputs: [Places]) -> Places? {
        let count = taps.count
        let heaviest = taps.map { row in row.max { abs($0.weight) < abs($1.weight) }?.index ?? 0 }
        return inputs[0].map { places in
            guard places.varies(along: axis) || length == 1, count > 0, length > 0 else { return places }
            let inner = places.sizes[(axis + 1)...].reduce(1, *)
            let outer = places.sizes[..<axis].reduce(1, *)
            var values: [Place] = []
            for o in 0..<outer {
                for (target, heaviest) in heaviest.enumerated() {
                    for i in 0..<inner {
                        func at(_ index: Int) -> Place { places.values[(o * length + index) * inner + i] }
                        let place =
                            if length % count == 0 {
                                (target * length / count..<(target + 1) * length / count)
                                    .reduce(Place.none) { $0.union(at($1)) }
                            } else if count % length == 0 {
                                at(target * length / count).share(
                                    target % (count / length), of: count / length,
                                    alongRows: axis == shape.rank - 2)
                            } else {
                                at(heaviest)
                            }
                        values.append(place)
                    }
                }
            }
            var sizes = places.sizes
            sizes[axis] = count
            return PlaceTensor(sizes: sizes, values: values).reduced()
        }
    }
}

extension Place {
    /// One of equal parts of a rectangle along a side; anything else whole.
    fileprivate func share(_ index: Int, of count: Int, alongRows: Bool) -> Place {
        guard let pixels else { return self }
        func share(_ range: Range<Int>) -> Range<Int> {
            let low = range.lowerBound + index * range.count / count
            return low..<max(range.lowerBound + (index + 1) * range.count / count, low + 1)
        }
        return alongRows
            ? Place(rows: share(pixels.rows), columns: pixels.columns)
            : Place(rows: pixels.rows, columns: share(pixels.columns))
    }
}
