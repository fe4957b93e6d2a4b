import Base

/// How long a forward pass takes, roughly: what it multiplies, over how fast a core multiplies.
package enum ForwardCost {
    /// Multiplications and additions of a pass.
    package static func operations(_ c: Configuration, tokens: Int) -> Double {
        let linear = c.width * (4 * c.width + c.hiddenWidth + c.feedForwardWidth)
        let attention = 2 * c.width * tokens
        return 2 * Double(c.depth) * Double(tokens) * Double(linear + attention)
    }

    /// Multiplications and additions that a core does in a second in 32-bit floats, measured on one product.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package static func operationsPerSecond() throws -> Double {
        let side = 512
        let product = try MatrixProduct()
        let (factors, result) = (FloatBuffer(side * side), FloatBuffer(side * side))
        factors.start.update(repeating: 1, count: side * side)
        func multiply() {
            product(
                result.start, stride: side, factors.start, stride: side, factors.start, stride: side,
                bTransposed: false, m: side, n: side, k: side)
        }
        // The first one also wakes the library.
        multiply()
        let seconds = ContinuousClock().measure(multiply) / .seconds(1)
        return 2 * Double(side * side * side) / max(seconds, 1e-6)
    }
}
