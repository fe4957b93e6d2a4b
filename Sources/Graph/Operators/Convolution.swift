import Base
import ViT

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
        let tiles = tiles.map { $0 }
        try context.forRows(x[0] * groups * tiles.count, width: taps * pixels / max(tiles.count, 1)) {
            first, count in
            for piece in first..<first + count {
                let (index, tile) = piece.quotientAndRemainder(dividingBy: tiles.count)
                let group = index % groups
                let rows = tiles[tile].start..<tiles[tile].start + tiles[tile].count
                let input = inputs[0] + index * channels.in * inputPixels
                let output = out + index * channels.out * pixels + rows.lowerBound * shape[3]
                let weight = inputs[1] + group * channels.out * taps
                if isDepthwise {
                    convolve(output, input, weight, rows)
                } else {
                    multiply(output, input, weight, rows, context)
                }
                guard hasBias else { continue }
                for channel in 0..<channels.out {
                    let bias = inputs[2][group * channels.out + channel]
                    let start = channel * pixels
                    for i in start..<start + rows.count * shape[3] { output[i] += bias }
                }
            }
        }
    }

    /// Some of the output's rows at a time: few enough that what their windows see stays in cache, and that threads can share
    /// them.
    private var tiles: RowTiles {
        let cached = max(1, (1 << 18) / max(taps * shape[3], 1))
        return RowTiles(rows: shape[2], most: min(cached, (shape[2] + 3) / 4))
    }

    /// - Parameter output: of the first channel, where `rows` begin.
    private func multiply(
        _ output: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ rows: Range<Int>, _ context: GraphContext
    ) {
        let count = rows.count * shape[3]
        guard taps > 0 else {
            for channel in 0..<channels.out { (output + channel * pixels).update(repeating: 0, count: count) }
            return
        }
        func product(_ windows: UnsafePointer<Float>, stride: Int) {
            context.product(
                output, stride: pixels, weight, stride: taps, windows, stride: stride, bTransposed: false,
                m: channels.out, n: count, k: taps)
        }
        if isPointwise { return product(input + rows.lowerBound * shape[3], stride: pixels) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: taps * count) { buffer in
            buffer.update(repeating: 0)
            forEachTap(rows) { tap, place, from, length, stride in
                let (to, source) = (buffer.baseAddress! + tap * count + place, input + from)
                if stride == 1 {
                    to.update(from: source, count: length)
                } else {
                    for i in 0..<length { to[i] = source[i * stride] }
                }
            }
            product(buffer.baseAddress!, stride: count)
        }
    }

    /// - Parameter output: where `rows` begin.
    private func convolve(
        _ output: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ rows: Range<Int>
    ) {
        output.update(repeating: 0, count: rows.count * shape[3])
        forEachTap(rows) { tap, place, from, length, stride in
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
            for (start, rows) in tiles {
                let count = rows * shape[3]
                withUnsafeTemporaryAllocation(of: Float.self, capacity: taps * count) { buffer in
                    let windows = buffer.baseAddress!
                    context.product(
                        windows, stride: count, weight, stride: taps, dy + start * shape[3], stride: pixels,
                        aTransposed: true, bTransposed: false, m: taps, n: count, k: channels.out)
                    forEachTap(start..<start + rows) { tap, place, from, length, stride in
                        let (source, to) = (windows + tap * count + place, dx + from)
                        for i in 0..<length { to[i * stride] += source[i] }
                    }
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
