/// Single-precision matrix products on the calling thread, for the modules that work on what a model shows.
package struct MatrixProduct: Sendable {
    private let blas: OpenBLAS

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init() throws { blas = try OpenBLAS.shared() }

    /// c [m, n] = alpha · a [m, k] · b + beta · c, row-major, `stride` being the distance of two rows in
    /// floats. With `beta` 0, what was in `c` is not read.
    ///
    /// - Parameters:
    ///   - aTransposed: whether `a` is stored as [k, m] instead of [m, k].
    ///   - bTransposed: whether `b` is stored as [n, k] instead of [k, n].
    @inline(__always)
    package func callAsFunction(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        _ b: UnsafePointer<Float>, stride bStride: Int, aTransposed: Bool = false, bTransposed: Bool, m: Int,
        n: Int, k: Int, alpha: Float = 1, beta: Float = 0
    ) {
        blas.product(
            c, stride: cStride, a, stride: aStride, b, stride: bStride, aTransposed: aTransposed,
            bTransposed: bTransposed, m: m, n: n, k: k, alpha: alpha, beta: beta)
    }
}
