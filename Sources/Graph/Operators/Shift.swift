/// Moves the content of a tensor along its axes and lets 0 come in: out[i] = x[i − by], as large as x.
///
/// The places stay where they are: of a copy that is laid beside its original, as in shifted patch tokenization, each value
/// belongs to the part of the picture that it lies in.
struct Shift: Operator {
    let name = "Shift"
    let shape: Shape
    private let moved: Pad

    /// - Parameter by: steps along each axis.
    /// - Throws: `VitvideoError` of kind `badData` for more than there are.
    init(_ x: Shape, by: [Int]) throws {
        shape = x
        moved = try Pad(x, before: by, after: by.map { -$0 })
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        moved.forward(out, inputs, context)
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        moved.backward(gradients, call, context)
    }

    func places(_ inputs: [Places]) -> Places? { inputs[0] }
}
