import Base

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
