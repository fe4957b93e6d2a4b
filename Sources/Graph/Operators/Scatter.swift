import Base
import Files

/// y = x, but pieces of it are others: piece k, at `starts[k]` in values and `length` long, is row k of the second input. Of
/// two pieces at one place the later counts.
///
///     dx += dy outside of the pieces, du += dy inside
struct Scatter: Operator {
    let name = "ScatterND"
    let shape: Shape
    private let starts: [Int]
    private let length: Int

    /// - Throws: `VitvideoError` of kind `badData` where there is not a row for each piece.
    init(_ x: Shape, starts: [Int], length: Int, updates: Shape) throws {
        guard updates.count == saturating(starts.count, length) else {
            throw VitvideoError.badData("\(updates) are not \(starts.count) pieces of \(length) values")
        }
        shape = x
        (self.starts, self.length) = (starts, length)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        out.update(from: inputs[0], count: shape.count)
        for (piece, start) in starts.enumerated() {
            (out + start).update(from: inputs[1] + piece * length, count: length)
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        /// Which piece a value is of; −1 for none.
        var owners = [Int](repeating: -1, count: shape.count)
        for (piece, start) in starts.enumerated() {
            for i in 0..<length { owners[start + i] = piece }
        }
        for (place, piece) in owners.enumerated() {
            if piece < 0 {
                gradients[0]?[place] += call.outGradient[place]
            } else {
                gradients[1]?[piece * length + place - starts[piece]] += call.outGradient[place]
            }
        }
    }

    /// Parameters written into parameters, masks mostly; what is written into parts of the picture has no place there.
    func places(_ inputs: [Places]) -> Places? { inputs[1].isNone ? inputs[0] : nil }
}
