import ViT

/// The right factor B [k, n] of a product, as it lies in memory or packed.
struct RightFactor {
    let start: UnsafePointer<Float>
    /// Distance of two rows in floats.
    let stride: Int
    /// Whether it is stored as [n, k].
    let isTransposed: Bool
}

/// Matrix products of one worker, on the calling thread.
final class Products {
    private let product: MatrixProduct

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init() throws { product = try MatrixProduct() }

    /// c [m, n] = a · b, or that added to what is in `c`.
    ///
    /// - Parameters:
    ///   - aTransposed: whether `a` is stored as [k, m] instead of [m, k].
    func callAsFunction(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        aTransposed: Bool = false, _ b: RightFactor, m: Int, n: Int, k: Int, adds: Bool = false
    ) {
        product(
            c, stride: cStride, a, stride: aStride, b.start, stride: b.stride, aTransposed: aTransposed,
            bTransposed: b.isTransposed, m: m, n: n, k: k, beta: adds ? 1 : 0)
    }

    /// A right factor that is used once.
    func factor(
        _ start: UnsafePointer<Float>, stride: Int, transposed: Bool = false, k: Int, n: Int
    ) -> RightFactor {
        RightFactor(start: start, stride: stride, isTransposed: transposed)
    }
}
